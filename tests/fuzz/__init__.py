"""Hostile frames by the thousand: ``make fuzz SECONDS=300``, and a short run among the tests.

A case is a list of frames and acts for one target. What breaks a target is made as small as it goes
and kept in ``findings``, which ``test_findings`` plays again for ever.
"""
