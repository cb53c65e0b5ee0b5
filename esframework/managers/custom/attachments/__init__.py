"""Attachments: a stream of any length behind an information, accepted or refused before it flows (InIOCP's custom
manager: OnReceive, OnAttachBegin, OnAttachFinish)."""
