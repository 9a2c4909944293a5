"""Label Studio's list of tasks shows what annotators need, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from reground.annotations.review import push_questions
from tests.support.label_studio_world import LabelStudio

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.support.label_studio_fixture"]


def test_the_first_view_of_a_project_hides_all_other_columns(label_studio: LabelStudio, tmp_path: Path):
    workspace, settings = label_studio.workspace(tmp_path / "w"), label_studio.settings()
    project_id = push_questions(workspace, settings, "classify").project_id
    push_questions(workspace, settings, "classify")
    with label_studio.client() as client:
        query = {"project": project_id}
        (view,) = client._request("GET", "/api/dm/views/", "list views", params=query)
        columns = client._request("GET", "/api/dm/columns/", "list columns", params=query)["columns"]
    names = {f"tasks:{'data.' if row.get('parent') else ''}{row['id']}" for row in columns}
    hidden = set(view["data"]["hiddenColumns"]["explore"])
    needed = {"tasks:id", "tasks:data.labels", "tasks:data.image", "tasks:total_annotations"}
    assert names - hidden - {"tasks:data"} == needed
