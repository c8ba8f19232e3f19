"""Proof that the grammars hold: adversaries write what no model would, and instances of the schema are all admitted.

Needs XGrammar, and llguidance for that backend; no Ray, no SGLang, no weights but a tokenizer's.
"""
