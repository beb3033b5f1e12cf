"""TinyBERT: the layers of a transformer student shall hold the states, and look at the tokens, of its teacher's layers."""
