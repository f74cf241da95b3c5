"""KPIs as they cross the wire."""

from chassis.messaging import Envelope, wrap
from mingjian.reporting.v1 import events_pb2
from mingjian.reporting.v1 import reporting_service_pb2 as pb

from reporting.domain.kpis import AT_LEAST, AT_MOST, ItemRate, Kpi, KpiChange, KpiValue

_SENSE = {AT_LEAST: pb.TARGET_SENSE_AT_LEAST, AT_MOST: pb.TARGET_SENSE_AT_MOST, "": pb.TARGET_SENSE_UNSPECIFIED}


def to_value(value: KpiValue) -> pb.KpiValue:
    kpi = value.kpi
    return pb.KpiValue(
        kpi=kpi.kpi, title=kpi.title, unit=kpi.unit, value=value.value, numerator=value.numerator, denominator=value.denominator,
        target=kpi.target, sense=_SENSE[kpi.sense], met=value.met,
    )


def to_change(change: KpiChange) -> pb.KpiChange:
    return pb.KpiChange(current=to_value(change.current), baseline=to_value(change.baseline), change=change.change, better=change.better)


def to_target(kpi: Kpi) -> pb.Target:
    return pb.Target(kpi=kpi.kpi, title=kpi.title, definition=kpi.definition, unit=kpi.unit, target=kpi.target, sense=_SENSE[kpi.sense])


def to_rate(rate: ItemRate) -> pb.ItemRate:
    return pb.ItemRate(
        item_id=rate.item_id, title=rate.title, dimension=rate.dimension, passed=rate.passed, failed=rate.failed, abstained=rate.abstained, rate=rate.rate,
    )


def breached(tenant: str, day: str, value: KpiValue) -> Envelope:
    """KpiBreached, once per KPI and day."""
    return wrap(events_pb2.KpiBreached(kpi=to_value(value), day=day), tenant=tenant, key=f"{value.kpi.kpi}/{day}", about=value.kpi.kpi)
