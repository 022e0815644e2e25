"""An installation is found from anywhere, also from beside a clone."""

import subprocess
import sys


def test_a_folder_of_the_same_name_does_not_hide_the_package(tmp_path):
    (tmp_path / "mec_gym").mkdir()  # as `git clone` leaves one
    command = [sys.executable, "-c", "import mec_gym; print(mec_gym.Scenario.__name__)"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("Scenario\n", "")
