"""Template, stylesheet and script of the page; a package only so that they are found inside a wheel."""
