"""Is everything there, set as it must be, and keeping up? Each answer says what to do."""

from stream.doctor.check import Book, Check, Diagnosis
from stream.doctor.examine import examine

__all__ = ["Book", "Check", "Diagnosis", "examine"]
