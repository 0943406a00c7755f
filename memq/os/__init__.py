"""What is known of the operating systems whose memory is read."""

from __future__ import annotations
