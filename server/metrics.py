"""What an operator can watch, in Prometheus' terms."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_FAST_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 1.0)
_SLOW_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 5.0, 15.0)
_DELAYS_S = (0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.22, 0.25, 0.3, 0.5)
_SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Metrics:
    """One set per app, so that two apps of one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._count_visits(self.registry)
        self._count_pictures(self.registry)
        self._count_sound(self.registry)
        self._measure_paths(self.registry)
        self._measure_puppets(self.registry)

    def _count_visits(self, registry: CollectorRegistry) -> None:
        self.sessions = Gauge("likeness_sessions", "Live sessions.", registry=registry)
        self.sessions_begun = Counter(
            "likeness_sessions_begun", "Sessions made.", registry=registry
        )
        self.viewers = Gauge(
            "likeness_viewers", "Connected viewers.", registry=registry
        )
        self.sessions_closed = Counter(
            "likeness_sessions_closed", "Ended sessions.", ["reason"], registry=registry
        )
        self.refused = Counter(
            "likeness_refused", "Refused requests.", ["code"], registry=registry
        )
        self.connect_s = Histogram(
            "likeness_connect_seconds",
            "From an offer to a connected viewer.",
            buckets=_SLOW_S,
            registry=registry,
        )
        self.enrolments = Counter(
            "likeness_enrolments", "Enrolments done.", ["outcome"], registry=registry
        )

    def _count_pictures(self, registry: CollectorRegistry) -> None:
        self.frames = Counter("likeness_frames", "Frames sent.", registry=registry)
        self.frames_late = Counter(
            "likeness_frames_late",
            "Frames sent after their deadline.",
            registry=registry,
        )
        self.frames_dropped = Counter(
            "likeness_frames_dropped",
            "Frames that were never drawn for want of time.",
            registry=registry,
        )
        self.quality_step = Gauge(
            "likeness_quality_step",
            "0 is full quality; each step gives up more of the picture.",
            registry=registry,
        )
        self.quality_changes = Counter(
            "likeness_quality_changes",
            "Steps of the quality of pictures.",
            ["direction"],
            registry=registry,
        )
        self.device_busy = Gauge(
            "likeness_device_busy",
            "Share of the last second in which the device drew.",
            registry=registry,
        )
        self.device_failures = Counter(
            "likeness_device_failures",
            "Times that the pictures of a session began to fail.",
            registry=registry,
        )
        self.queued_pictures = Gauge(
            "likeness_queued_pictures",
            "Pictures that wait to be encoded or to leave, of all sessions.",
            registry=registry,
        )
        self.stage_s = Histogram(
            "likeness_stage_seconds",
            "Time of a stage for all sessions of a tick; encode_video for one.",
            ["stage"],
            buckets=_FAST_S,
            registry=registry,
        )

    def _count_sound(self, registry: CollectorRegistry) -> None:
        self.first_audio_s = Histogram(
            "likeness_first_audio_seconds",
            "From a command to the first sample of its speech that leaves.",
            buckets=_SLOW_S,
            registry=registry,
        )
        self.packets_late = Counter(
            "likeness_audio_packets_late",
            "Packets of sound that left over 20 ms after their deadline.",
            registry=registry,
        )
        self.queued_utterances = Gauge(
            "likeness_queued_utterances",
            "Utterances that wait for their synthesis.",
            registry=registry,
        )
        self.queued_audio_s = Gauge(
            "likeness_queued_audio_seconds",
            "Sound that waits to be played, of all sessions.",
            registry=registry,
        )

    def _measure_paths(self, registry: CollectorRegistry) -> None:
        self.round_trip_s = Histogram(
            "likeness_round_trip_seconds",
            "To a viewer and back, by its receiver reports of sound.",
            buckets=_FAST_S,
            registry=registry,
        )
        self.loss = Histogram(
            "likeness_packet_loss_ratio",
            "Packets of sound that a viewer missed since its last report.",
            buckets=_SHARES,
            registry=registry,
        )
        self.key_requests = Counter(
            "likeness_key_requests",
            "Key frames that viewers asked for (PLI, FIR).",
            registry=registry,
        )

    def _measure_puppets(self, registry: CollectorRegistry) -> None:
        self.puppet_delay_s = Histogram(
            "likeness_puppet_delay_seconds",
            "From a microphone to the voice that leaves, once a second.",
            buckets=_DELAYS_S,
            registry=registry,
        )
        self.puppet_packets = Counter(
            "likeness_puppet_packets",
            "Packets of microphones: played, lost, or too late.",
            ["outcome"],
            registry=registry,
        )
        self.puppet_made_up_s = Counter(
            "likeness_puppet_made_up_seconds",
            "Sound in the place of what was lost or too late.",
            registry=registry,
        )
