from kdui.client import Workbench as Workbench

__version__: str
