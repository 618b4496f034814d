"""How `make docs` builds the pages."""

import sys
from pathlib import Path

from docutils import nodes
from sphinx_gallery.sorting import FileNameSortKey

import skmultigran

sys.path.insert(0, str(Path(__file__).parent))
import api_reference

project = "skmultigran"
author = "skmultigran developers"
version = release = skmultigran.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = "skmultigran"
html_show_sourcelink = False
# There are too many pages for the header: the sidebar lists them under their captions.
html_theme_options = {"navbar_center": []}
html_sidebars = {"**": ["site-navigation.html"], "index": []}
exclude_patterns = ["examples"]

autosummary_generate = ["api/index.rst"]
# The template of a class lists its methods, each with a page section of its own.
numpydoc_show_class_members = False
# A page's table of contents says "fit", not the whole path.
toc_object_entries_show_parents = "hide"
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "within_subsection_order": FileNameSortKey,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    # Estimators as HTML; never the `repr` of a display, which is an address.
    "capture_repr": ("_repr_html_",),
}

suppress_warnings = [
    # Docstrings that come from scikit-learn refer to its user guide and glossary.
    "ref.ref",
    "ref.term",
    # Functions in the gallery's configuration are not remembered between builds.
    "config.cache",
]


def describe_figures(app, doctree):
    """Replace file names, which the gallery takes where a figure has no title."""
    title = doctree.next_node(nodes.title)
    for node in doctree.findall(nodes.Element):
        if str(node.get("alt", "")).startswith("plot "):
            node["alt"] = f"Figure of the example {title.astext()}"


def setup(app):
    """Write the reference page before the summaries are looked for."""
    app.connect("builder-inited", api_reference.write, priority=100)
    app.connect("doctree-read", describe_figures)
