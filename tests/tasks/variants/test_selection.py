"""Background selection: by the rules, uniformly, and independent of order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reground.tasks.images import Box, DropError, Photograph
from reground.tasks.schema import ClassIdx, DropReason, ImageId
from reground.tasks.variants.pool import BackgroundPool, make_pool
from reground.tasks.variants.selection import RULES, Selection, choose_backgrounds, singletons

NAMES = {0: "dog", 1: "bird", 2: "fish", 3: "insect"}
GROUP_OF = {ClassIdx(10 + group): group for group in NAMES}


SMALL = Box(2, 2, 8, 8)


def photograph(name: str, group: int, box: Box = SMALL) -> Photograph:
    return Photograph(ImageId(name), "", ClassIdx(10 + group), 10, 10, box)


def pool_of(
    *sizes: int, names: dict[int, str] = NAMES, exclusions: dict[str, list[str]] | None = None
) -> BackgroundPool:
    photographs = [photograph(f"{names[g]}{n:03d}", g) for g, size in zip(names, sizes) for n in range(size)]
    error = DropError(DropReason.MASK_QUARANTINED, "low")
    left_out = {name: {ImageId(i): error for i in ids} for name, ids in (exclusions or {}).items()}
    return make_pool("key", names, GROUP_OF, photographs, left_out)


def choose_background(
    pool: BackgroundPool, variant: str, photograph: Photograph, seed: int, composition: str = "mask"
) -> Selection:
    (choice,) = choose_backgrounds(pool, variant, [photograph], seed, composition).values()
    if isinstance(choice, DropError):
        raise choice
    return choice


def background_sources(
    pool: BackgroundPool, variant: str, of: str, seeds: int, composition: str = "mask"
) -> Counter[str]:
    one = pool.photographs[ImageId(of)]
    return Counter(choose_background(pool, variant, one, seed, composition)[0] for seed in range(seeds))


def test_same_draws_from_its_own_group_and_never_itself():
    item = background_sources(pool_of(5, 3, 3, 3), "mixed_same", "dog002", 2000)
    assert set(item) == {"dog000", "dog001", "dog003", "dog004"}
    assert all(400 < count < 600 for count in item.values())  # 500 expected, sigma 19


def test_random_draws_a_group_first_then_an_image_of_it():
    item = background_sources(pool_of(8, 2, 0, 1), "mixed_rand", "dog000", 3000)
    by_group = Counter()
    for background_id, count in item.items():
        by_group[background_id[:-3]] += count
    assert set(by_group) == {"dog", "bird", "insect"}
    assert all(850 < count < 1150 for count in by_group.values())  # 1000 expected, sigma 26
    assert "dog000" not in item
    assert abs(item["bird000"] - item["bird001"]) < 150


def test_as_published_an_image_may_get_its_own_background():
    item = background_sources(pool_of(5, 3, 3, 3), "mixed_same", "dog002", 2500, "published")
    assert set(item) == {f"dog{n:03d}" for n in range(5)}
    assert all(400 < count < 600 for count in item.values())  # 500 expected, sigma 20


def test_as_published_every_group_is_as_likely_though_one_has_only_itself():
    item = background_sources(pool_of(1, 4, 0, 2), "mixed_rand", "dog000", 3000, "published")
    assert 850 < item["dog000"] < 1150  # 1000 expected, sigma 26
    assert 850 < item["insect000"] + item["insect001"] < 1150


@pytest.mark.parametrize("variant", RULES)
def test_compositions_differ_only_where_an_image_is_excluded(variant):
    """Mask draws the same image as published, unless that is the image itself or quarantined."""
    pool = pool_of(6, 5, 4, 3, exclusions={"mask": ["dog001", "bird000"]})
    for one in pool.photographs.values():
        for seed in range(40):
            (published, first), (by_mask, second) = (
                choose_background(pool, variant, one, seed, c) for c in ("published", "mask")
            )
            assert first == second
            assert by_mask not in (one.image_id, "dog001", "bird000")
            assert by_mask == published or published in (one.image_id, "dog001", "bird000")


def test_excluded_images_provide_no_background_and_all_others_are_as_likely():
    item = background_sources(pool_of(5, 0, 0, 0, exclusions={"mask": ["dog001"]}), "mixed_same", "dog002", 1500)
    assert set(item) == {"dog000", "dog003", "dog004"}
    assert all(420 < count < 580 for count in item.values())  # 500 expected, sigma 18


def test_a_group_of_excluded_images_is_skipped():
    pool = pool_of(2, 2, 2, 0, exclusions={"mask": ["bird000", "bird001"]})
    assert {background_id[:-3] for background_id in background_sources(pool, "mixed_next", "dog000", 20)} == {"fish"}
    assert {background_id[:-3] for background_id in background_sources(pool, "mixed_rand", "dog000", 60)} == {
        "dog",
        "fish",
    }
    assert {
        background_id[:-3] for background_id in background_sources(pool, "mixed_next", "dog000", 20, "published")
    } == {"bird"}


def test_singletons_are_the_groups_of_one_image():
    assert singletons(pool_of(1, 2, 0, 1)) == ["dog", "insect"]
    assert singletons(pool_of(2, 0, 0, 0, exclusions={"published": ["dog001"]})) == ["dog"]


def test_random_skips_a_group_with_only_the_image_itself():
    item = background_sources(pool_of(1, 4, 0, 0), "mixed_rand", "dog000", 50)
    assert {background_id[:-3] for background_id in item} == {"bird"}


@pytest.mark.parametrize(
    ("sizes", "of", "expected"),
    [
        ((2, 2, 2, 2), "dog000", "bird"),
        ((2, 2, 2, 2), "insect001", "dog"),  # after the last the first
        ((2, 0, 0, 2), "dog000", "insect"),  # a group without images is skipped
        ((2, 2, 0, 0), "bird000", "dog"),
    ],
)
def test_next_is_the_next_that_has_any(sizes, of, expected):
    item = background_sources(pool_of(*sizes), "mixed_next", of, 40)
    assert {background_id[:-3] for background_id in item} == {expected}
    assert len(item) == 2


def test_next_goes_by_number_where_numbers_are_missing():
    names = {0: "dog", 2: "fish", 3: "insect"}
    assert set(background_sources(pool_of(1, 1, 1, names=names), "mixed_next", "insect000", 5)) == {"dog000"}
    assert set(background_sources(pool_of(1, 1, 1, names=names), "mixed_next", "dog000", 5)) == {"fish000"}


@pytest.mark.parametrize(
    ("variant", "sizes", "detail"),
    [
        ("mixed_same", (1, 4, 0, 0), "mixed_same: its group 'dog' has one usable image"),
        ("mixed_next", (3, 0, 0, 0), "mixed_next: no other group has a usable image"),
        ("mixed_rand", (1, 0, 0, 0), "mixed_rand: no group has another usable image"),
    ],
)
def test_no_background_source(variant, sizes, detail):
    pool = pool_of(*sizes)
    with pytest.raises(DropError) as caught:
        choose_background(pool, variant, pool.photographs[ImageId("dog000")], 0)
    assert (caught.value.reason, caught.value.detail) == ("no_background", detail)


def test_a_photograph_without_a_strip_provides_no_background():
    full = photograph("full", 0, Box(0, 0, 10, 10))
    pool = make_pool("key", NAMES, GROUP_OF, [full, photograph("a", 0), photograph("b", 0)])
    assert list(pool.background_sources[0]) == ["a", "b"]
    with pytest.raises(DropError, match="no_background"):
        pool.group(full)


def test_a_class_in_no_group_is_left_out():
    stranger = Photograph(ImageId("x"), "", ClassIdx(99), 10, 10, SMALL)
    pool = make_pool("key", NAMES, GROUP_OF, [stranger])
    assert not pool.background_sources
    with pytest.raises(DropError, match="no_group: class 99"):
        pool.group(stranger)


def chosen(photographs: Sequence[Photograph], variant: str, seed: int = 7, composition: str = "mask") -> dict[str, str]:
    """image_id -> image_id of the background, or the reason why there is none."""
    pool = make_pool("key", NAMES, GROUP_OF, photographs)
    choices = choose_backgrounds(pool, variant, photographs, seed, composition)
    return {key: str(item) if isinstance(item, DropError) else item.background_id for key, item in choices.items()}


@pytest.mark.parametrize("variant", RULES)
def test_the_choice_depends_on_the_set_of_images_not_on_their_order(variant):
    photographs = list(pool_of(6, 6, 6, 6).photographs.values())
    forward = chosen(photographs, variant)
    assert forward == chosen(photographs[::-1], variant)
    assert forward != chosen(photographs, variant, seed=8)
    pool = make_pool("key", NAMES, GROUP_OF, photographs)
    one_by_one = {one.image_id: choose_background(pool, variant, one, 7) for one in photographs}
    assert {key: item.background_id for key, item in one_by_one.items()} == forward
    assert len({item.seed for item in one_by_one.values()}) == len(photographs)


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=30),
    st.sampled_from(list(RULES)),
    st.sampled_from(["mask", "published"]),
    st.integers(0, 9),
)
def test_one_photograph_more_changes_only_the_choices_that_it_takes(groups, variant, composition, seed):
    """Read backwards: one less changes only the choices that it had."""
    *old, new = [photograph(f"p{n}", group) for n, group in enumerate(groups)]
    before, after = (chosen(some, variant, seed, composition) for some in (old, [*old, new]))
    group_of = {one.image_id: one.class_idx for one in (*old, new)}
    newly_usable = sum(group == groups[-1] for group in groups) <= 2  # it opens its group for some photographs
    for key in before.keys() - {new.image_id}:
        if before[key] != after[key]:
            assert after[key] == new.image_id or (newly_usable and group_of.get(after[key]) == new.class_idx)


def test_one_photograph_more_takes_its_share_of_the_draws():
    """Of 400 photographs in 4 groups, each draws one of 100: the next one takes about one draw a variant."""
    photographs = list(pool_of(100, 100, 100, 100).photographs.values())
    changes = []
    for variant in RULES:
        before = chosen(photographs, variant)
        for number in range(20):
            after = chosen([*photographs, photograph(f"new{number}", number % 4)], variant)
            changes.append(sum(before[key] != after[key] for key in before))
    assert 0.5 < sum(changes) / len(changes) < 2
    assert max(changes) <= 8


def test_every_photograph_provides_about_as_many_backgrounds():
    """As many as independent draws would: the variance of the counts is about their mean, 1."""
    photographs = list(pool_of(500).photographs.values())
    per_seed = [Counter(chosen(photographs, "mixed_same", seed).values()) for seed in range(20)]
    spread = sum((count[one.image_id] - 1) ** 2 for count in per_seed for one in photographs) / (20 * 500)
    assert 0.85 < spread < 1.2
