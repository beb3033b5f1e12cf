"""Discovery by folder: ``tasks/digits/spec.py`` that defines TASK is all it takes to add a task."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Generic, TypeVar

from kdui.core.errors import UnknownName

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """The facts found in ``PACKAGE.*.spec``, and in folders that group such packages, by name; read once, at first use.

    ``kind`` is the word a message uses, ``attribute`` the constant that each spec module defines. Where ``file`` is empty,
    each module of the package itself defines it.
    """

    def __init__(self, package: str, kind: str, attribute: str, file: str = "spec"):
        self.package, self.kind, self.attribute, self.file = package, kind, attribute, file
        self._found: dict[str, T] | None = None
        self._packages: dict[str, str] = {}
        self._optional: dict[tuple[str, str], ModuleType | None] = {}

    def _all(self) -> dict[str, T]:
        if self._found is None:
            facts_by_name: dict[str, T] = {}
            for package in _with(self.file, self.package) if self.file else _modules(self.package):
                module = f"{package}.{self.file}" if self.file else package
                facts = getattr(importlib.import_module(module), self.attribute)
                facts_by_name[facts.name] = facts
                self._packages[facts.name] = package
            self._found = dict(sorted(facts_by_name.items()))
        return self._found

    def __getitem__(self, name: str) -> T:
        try:
            return self._all()[name]
        except KeyError:
            raise UnknownName(self.kind, name, self._all()) from None

    def __contains__(self, name: object) -> bool:
        return name in self._all()

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def module(self, name: str, file: str) -> ModuleType:
        """The heavy sibling of a spec: ``module("digits", "load")`` imports ``PACKAGE.digits.load``."""
        self[name]
        return importlib.import_module(f"{self._packages[name]}.{file}")

    def optional(self, name: str, file: str) -> ModuleType | None:
        """As ``module``, for a sibling that not every package has; None where it is not there."""
        self[name]
        if (name, file) not in self._optional:  # looking for a file again and again takes longer than what is done with it
            there = importlib.util.find_spec(f"{self._packages[name]}.{file}")
            self._optional[name, file] = self.module(name, file) if there else None
        return self._optional[name, file]


def _with(file: str, package: str) -> Iterator[str]:
    """The packages below ``package`` that hold such a file, whatever groups they stand in."""
    for item in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if item.ispkg:
            inner = f"{package}.{item.name}"
            if importlib.util.find_spec(f"{inner}.{file}"):
                yield inner
            else:
                yield from _with(file, inner)


def _modules(package: str) -> Iterator[str]:
    for item in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not item.ispkg:
            yield f"{package}.{item.name}"
