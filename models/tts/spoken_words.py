"""The words by which languages read signs: what Unicode's CLDR does not have.

Names of months, units and currencies come from CLDR, through babel.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """Of one language.

    dot, at, slash: in addresses. to: between the ends of a range. plus: of a number.
    percent: a template where the percent sign itself is not read well; else empty.
    """

    dot: str
    at: str
    slash: str
    to: str
    plus: str = "+"
    percent: str = ""


WORDS = {
    "en": Words("dot", "at", "slash", "to", "plus"),
    "de": Words("Punkt", "ät", "Schrägstrich", "bis", "plus"),
    "fr": Words("point", "arobase", "slash", "à", "plus"),
    "es": Words("punto", "arroba", "barra", "a", "más"),
    "it": Words("punto", "chiocciola", "barra", "a", "più"),
    "pt": Words("ponto", "arroba", "barra", "a", "mais"),
    "nl": Words("punt", "apenstaartje", "slash", "tot", "plus"),
    "pl": Words("kropka", "małpa", "ukośnik", "do", "plus"),
    "cs": Words("tečka", "zavináč", "lomítko", "až", "plus"),
    "ru": Words("точка", "собака", "слэш", "до", "плюс"),
    "uk": Words("крапка", "равлик", "слеш", "до", "плюс"),
    "sv": Words("punkt", "snabel-a", "snedstreck", "till", "plus"),
    "da": Words("punktum", "snabel-a", "skråstreg", "til", "plus"),
    "nb": Words("punktum", "krøllalfa", "skråstrek", "til", "pluss"),
    "fi": Words("piste", "ät", "kautta", "viiva", "plus"),
    "tr": Words("nokta", "et", "bölü", "ile", "artı"),
    "cmn": Words("点", "艾特", "斜杠", "到", "加", "百分之{}"),
    "yue": Words("點", "艾特", "斜線", "至", "加", "百分之{}"),
    "ja": Words(
        "ドット", "アットマーク", "スラッシュ", "から", "プラス", "{}パーセント"
    ),
    "ko": Words("점", "골뱅이", "슬래시", "에서", "플러스", "{} 퍼센트"),
    "ar": Words("نقطة", "آت", "شرطة", "إلى", "زائد", "{} بالمئة"),
}

CURRENCY_SIGNS = {
    "$": "USD",
    "US$": "USD",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "￥": "CNY",
    "₹": "INR",
    "₩": "KRW",
    "₽": "RUB",
    "₺": "TRY",
    "₴": "UAH",
    "฿": "THB",
    "₫": "VND",
    "₪": "ILS",
}
CURRENCY_CODES = (
    "USD|EUR|GBP|JPY|CNY|CHF|INR|KRW|RUB|TRY|UAH|AUD|CAD|SEK|NOK|DKK|PLN|CZK|BRL|MXN"
)
# CLDR says "US dollars", which is what one writes, not what one says of "$5".
CURRENCY_NAMES: dict[str, dict[str, tuple[str, str]]] = {
    "en": {
        "USD": ("dollar", "dollars"),
        "EUR": ("euro", "euros"),
        "GBP": ("pound", "pounds"),
        "JPY": ("yen", "yen"),
        "CNY": ("yuan", "yuan"),
        "INR": ("rupee", "rupees"),
        "KRW": ("won", "won"),
    },
    "de": {
        "USD": ("Dollar", "Dollar"),
        "GBP": ("Pfund", "Pfund"),
        "JPY": ("Yen", "Yen"),
    },
    "fr": {
        "USD": ("dollar", "dollars"),
        "GBP": ("livre", "livres"),
        "JPY": ("yen", "yens"),
    },
    "es": {
        "USD": ("dólar", "dólares"),
        "GBP": ("libra", "libras"),
        "JPY": ("yen", "yenes"),
    },
    "it": {
        "USD": ("dollaro", "dollari"),
        "GBP": ("sterlina", "sterline"),
        "JPY": ("yen", "yen"),
    },
    "pt": {"USD": ("dólar", "dólares"), "EUR": ("euro", "euros")},
    "nl": {"USD": ("dollar", "dollar"), "GBP": ("pond", "pond")},
    "cmn": {"CNY": ("元", "元"), "JPY": ("日元", "日元")},
    "yue": {"CNY": ("元", "元")},
    "ja": {"USD": ("ドル", "ドル"), "GBP": ("ポンド", "ポンド")},
}
MINOR_UNITS = {
    "USD": ("cent", "cents"),
    "EUR": ("cent", "cents"),
    "GBP": ("penny", "pence"),
}
MAGNITUDES = {
    "k": "thousand",
    "m": "million",
    "bn": "billion",
    "b": "billion",
    "tn": "trillion",
    "thousand": "thousand",
    "million": "million",
    "billion": "billion",
    "trillion": "trillion",
}

# Signs of units -> CLDR's names of them.
UNITS = {
    "km/h": "speed-kilometer-per-hour",
    "m/s": "speed-meter-per-second",
    "mph": "speed-mile-per-hour",
    "km²": "area-square-kilometer",
    "m²": "area-square-meter",
    "m³": "volume-cubic-meter",
    "km": "length-kilometer",
    "cm": "length-centimeter",
    "mm": "length-millimeter",
    "m": "length-meter",
    "ft": "length-foot",
    "kg": "mass-kilogram",
    "mg": "mass-milligram",
    "g": "mass-gram",
    "lb": "mass-pound",
    "lbs": "mass-pound",
    "oz": "mass-ounce",
    "ml": "volume-milliliter",
    "l": "volume-liter",
    "L": "volume-liter",
    "°C": "temperature-celsius",
    "℃": "temperature-celsius",
    "°F": "temperature-fahrenheit",
    "kB": "digital-kilobyte",
    "KB": "digital-kilobyte",
    "MB": "digital-megabyte",
    "GB": "digital-gigabyte",
    "TB": "digital-terabyte",
    "kWh": "energy-kilowatt-hour",
    "kW": "power-kilowatt",
    "MW": "power-megawatt",
    "W": "power-watt",
    "V": "electric-volt",
    "Hz": "frequency-hertz",
    "kHz": "frequency-kilohertz",
    "MHz": "frequency-megahertz",
    "GHz": "frequency-gigahertz",
    "min": "duration-minute",
    "h": "duration-hour",
    "ms": "duration-millisecond",
}
# CLDR's Chinese has no plain kilometre in babel's data.
UNIT_TEMPLATES = {"cmn": {"length-kilometer": "{}公里"}}
