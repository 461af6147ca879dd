"""The dashboard: pages over the published file, and over nothing else.

Everything here knows the published file and its manifest alone. Figures come from SQL over the
marts (``queries/``); Python words, draws and links them.
"""
