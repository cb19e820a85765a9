"""The report of one run: its words (`story`) and its faces (`page`, `terminal`, `markdown`).

Nothing is imported here, so that whoever only needs the words does not load a template engine.
"""
