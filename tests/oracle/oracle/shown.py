# SPDX-License-Identifier: Apache-2.0
"""What Redis must show of folded partitions: of one (Shown, a part of fold.Partition), and merged."""
from .model import MINUTE, SHOWN_TEXT, cut_utf8, ratio
from .rules import PLURALS, SHARE


class Shown:
    """Views of one partition; a view time is stream time or later."""

    def counters_hash(self, counters, view_ms):
        out = {f"{p}_total": str(n) for p, n in zip(PLURALS, counters.totals)}
        for action in counters.win:
            for w, (name, _) in enumerate(self.config.windows):
                out[f"{PLURALS[action]}_{name}"] = str(
                    counters.window(action, w, self.config.widths[w], view_ms)
                )
        return out

    def content_hash(self, cid, view_ms):
        """Fields of vir:c:{id} at a view time that is stream time or later; without as_of_ms.
        A count of 0 may be left out there as well as here."""
        c = self.contents[cid]
        out = self.counters_hash(c.all, view_ms)
        out.update(content_id=cid, home=self.name, first_ms=str(c.first_ms), last_ms=str(c.last_ms))
        out["title"] = cut_utf8(c.title, SHOWN_TEXT)
        out["content_type"] = c.content_type
        out["url"] = c.url if len(c.url.encode()) <= SHOWN_TEXT else ""
        out["channel_top"] = self.channel_top(c)
        out["share_velocity"] = self.velocity(cid, view_ms)
        if c.actors:
            out["unique_sharers"] = str(len(c.actors))
        figures = c.depth_figures()
        if figures:
            n, total, highest, roots = figures
            out.update(
                mean_depth=ratio(total, n), max_depth=str(highest), root_share_fraction=ratio(roots, n)
            )
        return {k: v for k, v in out.items() if v != ""}

    def velocity(self, cid, view_ms):
        w = self.config.shortest
        shares = self.contents[cid].all.window(SHARE, w, self.config.widths[w], view_ms)
        return ratio(shares * MINUTE, self.config.windows[w][1])

    def channel_top(self, c):
        shares, name = max(((c.channels[n].totals[SHARE], n) for n in c.shared_on), default=(0, ""))
        return name if shares else ""

    def content_channels(self, cid):
        c = self.contents[cid]
        return {name: str(c.channels[name].totals[SHARE]) for name in c.shared_on}

    def content_info(self, cid):
        c = self.contents[cid]
        texts = {"title": c.title, "url": c.url, "author_id": c.author_id}
        if all(len(v.encode()) <= SHOWN_TEXT for v in texts.values()):
            return {}
        return {k: v for k, v in texts.items() if v}

    def content_ts(self, cid):
        """Closed minutes: [(start_ms, [13 counts, late])], as stream time stands now."""
        c = self.contents[cid]
        entries = list(c.entries)
        if c.minute is not None and c.minute < self.stream_ms // MINUTE * MINUTE:
            entries.append((c.minute, c.counts + [c.late]))
        return entries[-self.config.ts_max :]

    def shown(self):
        """Ids of the contents that have views."""
        return [
            cid
            for cid, c in self.contents.items()
            if c.events >= self.config.min_events and self.is_home(cid)
        ]

    def here(self):
        """Ids of the contents that may stand on boards, whether they have views or not."""
        return [cid for cid in self.contents if self.is_home(cid)]

    def window_shares(self, w, view_ms, channel=None):
        """content -> shares in the window, those with one at least."""
        out = {}
        width = self.config.widths[w]
        for cid in self.here():
            c = self.contents[cid]
            counters = c.all if channel is None else c.channels.get(channel)
            n = counters.window(SHARE, w, width, view_ms) if counters else 0
            if n > 0:
                out[cid] = n
        return out

    def trending(self):
        return {
            cid: c.trend_score()
            for cid, c in ((cid, self.contents[cid]) for cid in self.here())
            if c.trend is not None
        }


# ---------------------------------------------------------------- over all partitions


def board(scores, most=100):
    """[(content, score)] as ZREVRANGE gives it: score, then id, both falling."""
    return sorted(scores.items(), key=lambda item: (item[1], item[0]), reverse=True)[:most]


def merged(partitions, view_ms, channel=None):
    """Fields of vir:all or vir:ch:{channel} at a view time; every partial read at the same time."""
    out = {}
    for p in partitions:
        counters = p.all if channel is None else p.channels.get(channel)
        if counters is None:
            continue
        for k, v in p.counters_hash(counters, view_ms).items():
            out[k] = str(int(out.get(k, "0")) + int(v))
    return out


def tops(partitions, views, w, channel=None, most=100):
    """The leaderboard of a window; views: partition name -> its view time."""
    scores = {}
    for p in partitions:
        if p.stream_ms is not None:
            scores.update(p.window_shares(w, views.get(p.name, p.stream_ms), channel))
    return board(scores, most)
