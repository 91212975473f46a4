"""Draw the charts and the page shell that all reports share.

In: numbers and a template. Out: SVG, PNG, and one HTML file that needs nothing else.
Begin with `page.py`.
"""
