"""What pyproject.toml cannot say: the command line and the assets of a checkout's root lie inside the package of a wheel."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


class WithRootFiles(build_py):
    """Copies ``app.py`` to ``kdui/command_line.py`` and ``assets/`` to ``kdui/assets/``."""

    def run(self) -> None:
        super().run()
        package = Path(self.build_lib) / "kdui"
        shutil.copy2(ROOT / "app.py", package / "command_line.py")
        shutil.copytree(ROOT / "assets", package / "assets", dirs_exist_ok=True)


setup(cmdclass={"build_py": WithRootFiles})
