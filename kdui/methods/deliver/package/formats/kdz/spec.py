"""Facts of the format."""

from kdui.core.deliverable import Deliverable

FORMAT = Deliverable(name="kdz", title="packed (.kdz)", file="package.zip", takes="graph")
