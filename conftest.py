"""Import the package before pytest collects the doctests in its modules.

pytest would otherwise run `_registry.py` a second time after the package's own import
has run it, and there would be two registries, one of them empty.
"""

import skmultigran  # noqa: F401
