"""Unicode's CLDR by Babel: names of units, currencies, months and days in a language, with their plurals."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

UNITS = dict(
    pair.split("=")
    for pair in """
    km=length-kilometer m=length-meter cm=length-centimeter mm=length-millimeter dm=length-decimeter μm=length-micrometer nm=length-nanometer
    ft=length-foot yd=length-yard mi=length-mile in=length-inch nmi=length-nautical-mile ly=length-light-year
    km²=area-square-kilometer m²=area-square-meter cm²=area-square-centimeter mi²=area-square-mile ft²=area-square-foot sq_ft=area-square-foot
    sq_mi=area-square-mile sq_in=area-square-inch sq_m=area-square-meter sq_km=area-square-kilometer ha=area-hectare ac=area-acre
    km2=area-square-kilometer m2=area-square-meter cm2=area-square-centimeter m3=volume-cubic-meter cm3=volume-cubic-centimeter
    m³=volume-cubic-meter cm³=volume-cubic-centimeter km³=volume-cubic-kilometer ft³=volume-cubic-foot cu_ft=volume-cubic-foot
    kg=mass-kilogram g=mass-gram mg=mass-milligram μg=mass-microgram t=mass-tonne lb=mass-pound lbs=mass-pound oz=mass-ounce
    l=volume-liter L=volume-liter ml=volume-milliliter mL=volume-milliliter cl=volume-centiliter cL=volume-centiliter dl=volume-deciliter
    dL=volume-deciliter hl=volume-hectoliter gal=volume-gallon qt=volume-quart pt=volume-pint fl_oz=volume-fluid-ounce
    tbsp=volume-tablespoon tsp=volume-teaspoon tbs=volume-tablespoon
    h=duration-hour hr=duration-hour hrs=duration-hour min=duration-minute mins=duration-minute s=duration-second sec=duration-second
    secs=duration-second ms=duration-millisecond μs=duration-microsecond ns=duration-nanosecond yr=duration-year yrs=duration-year
    wk=duration-week wks=duration-week mo=duration-month mos=duration-month d=duration-day
    km/h=speed-kilometer-per-hour kmh=speed-kilometer-per-hour kph=speed-kilometer-per-hour mph=speed-mile-per-hour
    m/s=speed-meter-per-second kn=speed-knot m/s²=acceleration-meter-per-square-second mpg=consumption-mile-per-gallon
    W=power-watt kW=power-kilowatt MW=power-megawatt GW=power-gigawatt mW=power-milliwatt hp=power-horsepower kWh=energy-kilowatt-hour
    J=energy-joule kJ=energy-kilojoule cal=energy-calorie kcal=energy-kilocalorie eV=energy-electronvolt
    V=electric-volt A=electric-ampere mA=electric-milliampere Ω=electric-ohm F=electric-farad
    Hz=frequency-hertz kHz=frequency-kilohertz MHz=frequency-megahertz GHz=frequency-gigahertz
    B=digital-byte kB=digital-kilobyte KB=digital-kilobyte MB=digital-megabyte GB=digital-gigabyte TB=digital-terabyte PB=digital-petabyte
    kbit=digital-kilobit Mbit=digital-megabit Gbit=digital-gigabit Mb=digital-megabit Gb=digital-gigabit
    °C=temperature-celsius °F=temperature-fahrenheit K=temperature-kelvin °=angle-degree
    Pa=pressure-pascal hPa=pressure-hectopascal kPa=pressure-kilopascal MPa=pressure-megapascal bar=pressure-bar mbar=pressure-millibar
    atm=pressure-atmosphere psi=pressure-pound-force-per-square-inch mmHg=pressure-millimeter-ofhg
    N=force-newton Nm=torque-newton-meter lm=light-lumen lx=light-lux cd=light-candela px=graphics-pixel MP=graphics-megapixel
    dpi=graphics-dot-per-inch ppi=graphics-pixel-per-inch ppm=concentr-part-per-1e6 mol=concentr-mole T=magnetic-tesla
    """.split()
)
"""How a unit is written (``_`` stands for a space) → its name in CLDR."""
CURRENCIES = dict(
    pair.split("=")
    for pair in """
    $=USD €=EUR £=GBP ¥=JPY ₹=INR ₽=RUB ₩=KRW ₺=TRY ₴=UAH ₪=ILS ₫=VND ฿=THB ₱=PHP ₦=NGN ₿=BTC ₡=CRC ₸=KZT ₲=PYG ₵=GHS
    R$=BRL C$=CAD CA$=CAD A$=AUD AU$=AUD NZ$=NZD HK$=HKD S$=SGD NT$=TWD MX$=MXN US$=USD zł=PLN Kč=CZK Ft=HUF kr=SEK Rs=INR
    """.split()
)
"""Sign → ISO 4217 code."""
CODES = frozenset("USD EUR GBP JPY INR RUB KRW TRY UAH ILS VND THB CHF CAD AUD NZD HKD SGD MXN BRL CNY SEK NOK DKK PLN CZK HUF ZAR".split())


@cache
def _locale(tag: str) -> Any:
    from babel import Locale  # noqa: PLC0415 - reads a language's data, some 10 ms

    return Locale.parse(tag)


@cache
def units(tag: str) -> Mapping[str, tuple[str, str]]:
    """Unit as it is written → (pattern of one, pattern of many), each with ``{0}`` for the number."""
    patterns = _locale(tag)._data["unit_patterns"]  # Babel's own functions cost a millisecond for each name
    found = dict[str, tuple[str, str]]()
    for unit, name in UNITS.items():
        if (forms := patterns.get(name)) and "long" in forms:
            many = _plain(forms["long"]["other"])
            found[unit.replace("_", " ")] = (_plain(forms["long"].get("one", many)), many)
    return found


@cache
def currency(tag: str, code: str) -> tuple[str, str]:
    """Name of one unit of a currency and of many, as CLDR has them: ``US dollar``, ``US dollars``."""
    from babel.numbers import get_currency_name  # noqa: PLC0415 - with the locale

    one, many = (str(get_currency_name(code, count=count, locale=tag)) for count in (1, 5))
    return one, many


@cache
def months(tag: str) -> tuple[str, ...]:
    """The twelve names."""
    names = _locale(tag).months["format"]["wide"]
    return tuple(str(names[month]) for month in range(1, 13))


def _plain(pattern: Any) -> str:
    return str(pattern).replace("\u00a0", " ").replace("\u200d", "").replace("’", "'").replace("-", " ")
