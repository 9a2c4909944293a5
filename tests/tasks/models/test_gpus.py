"""GPUs of a worker, model by model."""

from __future__ import annotations

import pytest

from reground.tasks.adversarial.step import STEP as ADVERSARIAL
from reground.tasks.errors import UsageError
from reground.tasks.models import gpu_problems, gpus_of
from reground.tasks.predictions.step import STEP as PREDICT

NAMES = ("efficientnet-lite0", "timm:resnet50")


def test_one_model_goes_before_all() -> None:
    texts = ("0.5", "timm:resnet50=2", "timm:hf-hub:a=b=0")
    numbers = [gpus_of(texts, name) for name in (*NAMES, "timm:hf-hub:a=b")]
    assert numbers == [0.5, 2, 0]
    assert gpus_of((), NAMES[0]) is None and gpus_of(("timm:resnet50=1",), NAMES[0]) is None


@pytest.mark.parametrize("text", ["", "x", "1.5", "-1", "nan", "inf", "0.00001", "timm:resnet50", "timm:resnet50="])
def test_what_is_no_number_of_gpus(text: str) -> None:
    assert [problem.partition(",")[0] for problem in gpu_problems((text,), NAMES, "auto")] == [
        "expected NUMBER or MODEL=NUMBER"
    ]
    with pytest.raises(UsageError, match="expected NUMBER or MODEL=NUMBER"):
        gpus_of((text,), NAMES[0])


def test_unknown_models_and_devices() -> None:
    (problem,) = gpu_problems(("timm:resnet5=1",), NAMES, "auto")
    assert "timm:resnet5" in problem and "timm:resnet50" in problem
    assert list(gpu_problems(("timm:resnet5=1",), (), "auto")) == []
    assert ["for the device cuda" in text for text in gpu_problems(("0", "1"), NAMES, "cuda")] == [True]
    assert ["for the device cpu" in text for text in gpu_problems(("0", "1"), NAMES, "cpu")] == [True]


@pytest.mark.parametrize("step", [PREDICT, ADVERSARIAL])
def test_both_steps_refuse_a_wrong_setting_and_keep_their_keys(step) -> None:
    wrong = step.settings(models=NAMES, num_gpus=("other=1",))
    assert [fault.field for fault in step.faults(wrong)] == ["num_gpus"]
    assert step.key_settings(step.settings(num_gpus=("1",))) == step.key_settings(step.settings())
