"""Real Apache Kafka and real Redis on a laptop, ended by the process that started them.

>>> from stream.embedded import EmbeddedStack
>>> with EmbeddedStack.start(Path("~/.streamgauge").expanduser()) as stack:  # doctest: +SKIP
...     print(stack.bootstrap_servers, stack.redis_url)
"""

from stream.embedded.errors import EmbeddedError
from stream.embedded.stack import EmbeddedStack

__all__ = ["EmbeddedError", "EmbeddedStack"]
