"""Manifests: what is written is what is read."""

import json

from mec_gym.io import digests


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    digests.write_manifest(tmp_path, ["file"], fact=[1, {"two": 2.5}])
    assert digests.read_manifest(tmp_path)["fact"] == [1, {"two": 2.5}]
    assert json.loads((tmp_path / digests.MANIFEST_FILE).read_bytes())["files"]["file"]["size"] == 7
