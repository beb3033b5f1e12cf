"""A question about a passage: both read at once, as the token ids of a model's own tokenizer.

A raw example is the pair (question, passage). The passage's words are what stands between its spaces; a model's outputs are about
these words, so that models with different tokenizers answer in the same terms.
"""
