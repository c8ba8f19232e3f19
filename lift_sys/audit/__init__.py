"""The validator put to the test: it must accept solutions known to be right and reject slips made in them."""
