"""What is computed: a model's exact parameter counts, and its operators with their FLOPs and bytes.

architecture  exact parameter counts and kinds of layers of a catalog model
operators     the operators of a layer, with FLOPs and bytes
shard         what one rank holds of a micro-batch
activations   bytes of activations that a layer keeps for its backward pass
"""
