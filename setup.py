"""What pyproject.toml cannot say: the command line and the assets of a checkout's root lie inside the package of a wheel, whose
texts call the command ``kdui``."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
IN_A_CHECKOUT, INSTALLED = b"python app.py", b"kdui"  # how a person calls the command
TEXTS = (".py", ".js", ".json", ".yaml", ".md")


class WithRootFiles(build_py):
    """Copies ``app.py`` to ``kdui/command_line.py`` and ``assets/`` to ``kdui/assets/``; names the command in all messages."""

    def run(self) -> None:
        super().run()
        package = Path(self.build_lib) / "kdui"
        shutil.copy2(ROOT / "app.py", package / "command_line.py")
        shutil.copytree(ROOT / "assets", package / "assets", dirs_exist_ok=True)
        for path in package.rglob("*"):
            if path.suffix in TEXTS and IN_A_CHECKOUT in (text := path.read_bytes()):
                path.write_bytes(text.replace(IN_A_CHECKOUT, INSTALLED))


setup(cmdclass={"build_py": WithRootFiles})
