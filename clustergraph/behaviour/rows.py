"""What is the same of all signals of behaviour."""

# A signal of behaviour is seen once: volumes are those of the exchanges.
MEASURES = "1::BIGINT AS exchanges, 0::BIGINT AS input_tokens, 0::BIGINT AS output_tokens"
# What an account has alone. Hashed, since values that differ in few places may meet in the engine's hash.
ALONE = "md5({key})"
