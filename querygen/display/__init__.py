"""Display: how queries, answers, pictures and SQL show themselves in a notebook. Showing never runs anything.

Blocks are HTML without a script, with a style of their own that touches nothing else, light unless the
notebook says that it is dark.
"""
