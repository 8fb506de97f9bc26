# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every run guarantees for any account, any wish and any faults of the service.

``cases`` draws random cases. ``wished`` computes the expected state without the code under test.
``world`` runs a task while faults occur. ``guarantees`` compares the outcome with the expected state.
``test_any_input`` and ``test_any_reply`` try odd values in every place of the input and of the replies.
"""
