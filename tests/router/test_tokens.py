"""Estimates of tokens: within their error of what real tokenizers count, exact for ids, and fast for any text."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.tokens import of_prompt, of_text

MEASURED = [
    # text, and the fewest and the most tokens that Mistral (32k), cl100k, o200k, Tekken and DeepSeek count
    ("Can you help me write a short email to my landlord about the broken heating? It has been cold for three days and "
     "nobody answers the phone.", 29, 30),
    ("Der Ausschuss beschloss, die Brücke noch vor dem Winter wieder aufzubauen, obwohl mehrere Mitglieder "
     "bezweifelten, dass das Geld rechtzeitig gefunden werden könne.", 32, 50),
    ("Komite, birkaç üye paranın zamanında bulunabileceğinden şüphe etse de, köprünün kıştan önce yeniden inşa "
     "edilmesine karar verdi.", 36, 59),
    ("Комитет решил, что мост будет восстановлен до зимы, хотя несколько членов сомневались, что деньги удастся найти "
     "вовремя.", 29, 56),
    ("Η επιτροπή αποφάσισε ότι η γέφυρα θα ξαναχτιστεί πριν από τον χειμώνα, αν και αρκετά μέλη αμφέβαλλαν αν θα "
     "βρεθούν εγκαίρως τα χρήματα.", 52, 136),
    ("הוועדה החליטה שהגשר ייבנה מחדש לפני החורף, אף שכמה חברים הטילו ספק אם ניתן יהיה למצוא את הכסף בזמן.", 35, 102),
    ("قررت اللجنة إعادة بناء الجسر قبل حلول الشتاء، رغم أن العديد من الأعضاء شككوا في إمكانية إيجاد المال في الوقت "
     "المناسب.", 28, 100),
    ("समिति ने निर्णय लिया कि पुल को सर्दियों से पहले फिर से बनाया जाएगा, "
     "हालाँकि कई सदस्यों को संदेह था कि समय पर पैसा मिल सकेगा।", 42, 127),
    ("คณะกรรมการตัดสินใจว่าสะพานจะถูกสร้างขึ้นใหม่ก่อนฤดูหนาว แม้ว่า"
     "สมาชิกหลายคนสงสัยว่าจะหาเงินได้ทันเวลาหรือไม่", 43, 110),
    ("위원회는 여러 위원들이 제때 자금을 마련할 수 있을지 의심했지만 겨울이 "
     "오기 전에 다리를 다시 짓기로 결정했다.", 29, 67),
    ("委员会决定在冬天之前重建这座桥，尽管几位成员怀疑能否及时筹到资金。"
     "大多数村民已经把牲畜赶到了河对岸。", 29, 68),
    ("委員会は、資金を期限までに用意できるか疑う委員もいたが、"
     "冬が来る前に橋を再建することを決定した。", 32, 57),
    ('{"type": "object", "properties": {"city": {"type": "string", "enum": ["Lima", "Oslo"]}}, "required": []}',
     35, 35),
]  # fmt: skip


@pytest.mark.parametrize(("text", "least", "most"), MEASURED, ids=range(len(MEASURED)))
def test_the_true_number_is_within_the_error(text, least, most):
    found = of_text(text)
    assert found.count / (1 + found.error) <= least * 1.05
    assert found.count * (1 + found.error) >= most * 0.95
    assert found.error < 1.5


def test_ids_are_exact():
    found = of_prompt([1, 2, 3])
    assert (found.count, found.error) == (3, 0)


@settings(deadline=None)
@given(st.text(max_size=300) | st.text(st.characters(exclude_categories=[]), max_size=200))
def test_any_text_has_an_estimate(text):
    found = of_text(text)
    assert 0 <= found.count <= 2 * len(text)
    assert math.isfinite(found.error)


def test_a_megabyte_is_counted_in_a_moment():
    before = time.process_time()
    assert of_text("wall " * 200_000).count > 100_000
    assert time.process_time() - before < 1
