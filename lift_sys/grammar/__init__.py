"""Grammars that hold a model to a form, so that its output is valid by construction and of bounded length.

A grammar is a small tree (`tree.py`). It is made from a model class (`from_model.py`) or is the frame around code
(`code_frame.py`); it is spelt for XGrammar (`ebnf.py`) or llguidance (`lark.py`), and its worst case in tokens is
computed (`bound.py`).
"""
