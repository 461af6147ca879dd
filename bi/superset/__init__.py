"""The dashboard for Apache Superset, as code: written, imported and tried with one command each.

``definition`` says what is shown, ``build`` writes Superset's own export format from it and from
the words of the published marts, ``send`` gives that to a running Superset, ``trial`` starts one.
"""
