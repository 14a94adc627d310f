"""The type of a Redis client.

redis-py types every answer as ``bytes | str`` whatever the client was told to decode, so its types
say less than the code around them; answers are taken as what the command is documented to return.
"""

from typing import Any, TypeAlias

RedisClient: TypeAlias = Any
