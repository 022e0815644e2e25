"""Things found by name: an entry of a table, one's own as "module:name", and what is not found."""

import collections
import json.decoder
import sys

import pytest

from mec_gym.io.names import find, name_of, no_imports
from mec_gym.mdp import State

ENTRY = object()
TABLE = {"ours": ENTRY, "later": "json.decoder:JSONDecoder"}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The name of a module of the user's that can be imported and has not been."""
    (tmp_path / "module_of_a_user.py").write_text("class Outer:\n    def inner(self): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "module_of_a_user"
    sys.modules.pop("module_of_a_user", None)


def test_an_entry_is_found_by_its_name_and_imported_where_it_is_a_text():
    assert find(TABLE, "ours", "policy") is ENTRY
    assert find(TABLE, "later", "policy") is json.decoder.JSONDecoder


def test_ones_own_is_found_by_its_module_and_name(own):
    assert find(TABLE, "collections:OrderedDict", "policy") is collections.OrderedDict
    outer = find(TABLE, f"{own}:Outer", "policy")
    assert outer is sys.modules[own].Outer
    assert find(TABLE, f"{own}:Outer.inner", "policy") is outer.inner


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("theirs", r"^policy: no 'theirs'; there are: later, ours; one of your own is \"module:"),
        ("", r"^policy: no ''; there are: later, ours"),
        (None, r"^policy: no None; there are: later, ours"),
        (["ours"], r"^policy: no \['ours'\]; there are: later, ours"),
        ("no_such_module:name", r"^policy: no 'no_such_module:name': No module named"),
        (":name", r"^policy: no ':name': No module named ''"),
        (".relative:name", r"^policy: no '\.relative:name': No module named '\.relative'"),
        ("collections:nothing", r"^policy: no 'collections:nothing': .*has no attribute 'nothing'"),
        ("collections:OrderedDict.x", r"^policy: no 'collections:OrderedDict\.x': .*attribute 'x'"),
    ],
)
def test_what_is_not_there_is_refused_in_one_line_with_the_remedy(name, says):
    with pytest.raises(ValueError, match=says) as caught:
        find(TABLE, name, "policy")
    assert "\n" not in str(caught.value)


def test_what_is_missing_behind_an_entry_of_ours_is_an_import_error():
    with pytest.raises(ImportError, match="no_such_module"):
        find({"extra": "no_such_module:name"}, "extra", "policy")


def test_where_a_file_names_it_a_module_is_not_imported_and_the_remedy_is_named(own):
    with no_imports(), pytest.raises(ValueError, match=rf"import {own} yourself first") as caught:
        find(TABLE, f"{own}:Outer", "reward")
    assert own not in sys.modules
    assert str(caught.value).startswith(f"reward: a file names '{own}:Outer'")
    assert f"--imports {own}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_where_a_file_names_it_what_is_imported_already_and_what_is_ours_is_found(own):
    outer = find(TABLE, f"{own}:Outer", "reward")
    with no_imports():
        assert find(TABLE, f"{own}:Outer", "reward") is outer
        assert find(TABLE, "later", "reward") is json.decoder.JSONDecoder


def test_imports_are_allowed_again_after_the_block_however_it_ends(own):
    with pytest.raises(ZeroDivisionError), no_imports():
        raise ZeroDivisionError
    assert find(TABLE, f"{own}:Outer", "reward").__name__ == "Outer"


def top_level():
    """What can be found again."""


def test_the_name_of_a_thing_is_that_by_which_it_is_found():
    assert name_of(ENTRY, TABLE, "policy") == "ours"
    assert name_of(top_level, TABLE, "policy") == f"{__name__}:top_level"
    assert find(TABLE, f"{__name__}:top_level", "policy") is top_level
    assert name_of(State, TABLE, "policy") == "mec_gym.mdp:State"
    with pytest.raises(ValueError, match="in a module called as a part of Python is"):
        name_of(collections.OrderedDict, TABLE, "policy")  # no file that names it would be read


def test_what_would_not_be_found_again_has_no_name():
    def local(): ...

    for thing in (lambda slots, seed: None, local, 3, None, object()):
        with pytest.raises(ValueError, match=r"^policy: .* define it at the top level of a") as got:
            name_of(thing, TABLE, "policy")
        assert "\n" not in str(got.value)
