# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every run guarantees, whatever the account, the wish and the service's misbehaviour.

``cases`` draws them, ``wished`` works out what has to come out (without the code that is tested),
``world`` lets a task run among faults, ``guarantees`` holds the one against the other.
"""
