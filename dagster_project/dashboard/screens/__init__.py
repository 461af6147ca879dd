"""One module for each page: what it asks and in which order it shows it.

Not named "pages": Streamlit would take its files for pages of their own until the first visit.
"""
