"""How often processes talk to the fleet board, and after what silence it drops them. These numbers fit together.

A replica's report is at most `REPORT_EVERY_S + EXCHANGE_EVERY_S` old when a gateway reads it. That is half of
`cluster.state.STALE_AFTER_S`: one lost report does not make a replica count as busy.
"""

from __future__ import annotations

REPORT_EVERY_S = 1.0
"""A replica reports its engine's state. Load changes within seconds, and a fleet may have hundreds of replicas."""
EXCHANGE_EVERY_S = 0.5
"""A gateway replica exchanges with the board. It adds this much to the age of every report that routing reads."""
DECIDE_EVERY_S = 1.0
"""The scaling policy exchanges with the board, and decides: no signal of it changes sooner than a replica reports."""

LISTEN_FIRST_S = 3.0
"""After its start the board has no snapshot for this long: several reports, so that a missing replica is gone."""
REPLICA_GONE_AFTER_S = 15.0
"""After this silence the board drops a replica. Long, because a busy engine may delay reports; a replica that stops
says so, and one that is stale counts as busy meanwhile."""
GATEWAY_GONE_AFTER_S = 5.0
"""After this silence the board drops a gateway replica's demand and no longer counts it as a sharer of the budget:
ten exchanges."""

BOARD_TIMEOUT_S = 2.0
"""How long the scaling policy waits for the board; two such waits end before its view is too old."""
OLDEST_VIEW_S = 5.0
"""The scaling policy decides nothing from an older view of the fleet."""

SAVE_BUDGET_EVERY_S = 1.0
"""Two exchanges. A board that dies loses at most this much of what was booked."""
RECALL_AFTER_S = (0.0, 0.5, 1.0, 2.0)
"""Pauses before each time that a gateway replica asks the board for an answered request: the replica that answered it
needs one exchange to report it, and more after a board restart."""
