"""Words by language with which `router.task` tells the work of a request from what surrounds it. Data only."""

from __future__ import annotations

from collections.abc import Mapping

SPACED: Mapping[str, str] = {
    "en": "ok okay k kk yes yeah yep yup no nope sure right correct exactly fine good great nice cool perfect "
    "awesome "
    "thanks thank thx ty you u much many very please pls go on ahead continue proceed next more again carry keep "
    "going do it that this "
    "so then now and the a just let s us me start begin resume finish rest where left off with from try "
    "answer answers respond reply output return format in as only valid json yaml xml csv markdown html plain text "
    "english german french spanish short shorter brief briefly concise concisely be your use bullet bullets points "
    "table remember reminder note step by sentence sentences one word words don t not anything else can "
    "could "
    "would will detailed detail longer simple simpler simply to make sure stay polite",
    "de": "ok okay ja jo jep nein gut super prima genau richtig klar danke vielen dank bitte weiter mach machen los "
    "fortfahren fahre fahr fort nochmal noch mal einmal mehr nächste nächster nächstes und dann jetzt so das es "
    "leg los gerne gern passt stimmt einverstanden bitteschön weitermachen kannst du können sie sofort "
    "antworte antworten auf in als nur json deutsch englisch kurz kürzer knapp ausführlich bitte text satz einem",
    "fr": "ok oui non d accord merci beaucoup bien très parfait super vas y va allez allons continue continuez "
    "continuer poursuis poursuivez la le suite suivant encore et puis maintenant s il te vous plaît plait exactement "
    "bien sûr c est ça bon réponds répondez en au format json français anglais court courte brièvement seulement",
    "es": "ok sí si no vale bien muy perfecto genial gracias muchas continúa continua continúe sigue siga adelante "
    "dale hazlo por favor otra vez más y ahora luego siguiente de acuerdo claro exacto correcto eso es puedes "
    "continuar seguir responde responda en formato json español inglés breve corto brevemente solo sólo",
    "it": "ok sì si no va bene perfetto grazie mille continua continui avanti prosegui vai procedi per favore ancora "
    "e ora poi prossimo esatto giusto certo d accordo fallo rispondi in formato json italiano inglese breve solo",
    "pt": "ok sim não nao certo bem perfeito ótimo obrigado obrigada muito continue continua prossiga siga em frente "
    "vai por favor de novo mais e agora depois próximo isso claro pode continuar responda formato json português "
    "inglês breve curto apenas só",
    "nl": "ok oké ja nee goed prima dank dankjewel bedankt je wel ga door verder doorgaan graag alsjeblieft nog een "
    "keer meer en dan nu volgende klopt precies antwoord in json nederlands engels kort alleen",
    "pl": "ok tak nie dobrze dobra super dzięki dziękuję kontynuuj dalej idź proszę jeszcze raz więcej i teraz potem "
    "następny zgoda jasne odpowiedz odpowiadaj w formacie json po polsku krótko tylko",
    "sv": "ok ja nej bra tack så mycket fortsätt gärna vidare kör på snälla igen mer och nu sen nästa svara i json",
    "cs": "ok ano ne dobře díky děkuji pokračuj pokračujte dál dále prosím ještě jednou více a teď další odpověz v "
    "json",
    "tr": "ok tamam evet hayır güzel teşekkürler teşekkür ederim sağol devam et edin lütfen tekrar daha fazla ve "
    "şimdi "
    "sonra sonraki olur tabii json olarak yanıtla cevapla formatında türkçe kısa kısaca",
    "vi": "ok có vâng ừ không tốt cảm ơn bạn tiếp tục đi tiếp theo làm ơn nữa và bây giờ rồi được trả lời bằng json",
    "id": "ok oke ya iya tidak baik bagus terima kasih lanjut lanjutkan teruskan silakan tolong lagi dan sekarang "
    "jawab dalam format json singkat saja",
    "ru": "ок окей да нет хорошо ладно отлично супер спасибо большое пожалуйста продолжай продолжайте продолжи "
    "дальше "
    "давай ещё еще раз и а теперь потом следующий верно точно согласен ответь отвечай ответьте в формате json "
    "на русском английском кратко коротко только",
    "uk": "ок так ні добре дякую будь ласка продовжуй продовжуйте далі давай ще раз і тепер відповідай у json",
    "el": "οκ ok ναι όχι εντάξει ωραία ευχαριστώ συνέχισε συνεχίστε παρακαλώ πάλι και τώρα επόμενο απάντησε σε json",
    "he": "אוקיי כן לא טוב תודה רבה המשך תמשיך תמשיכי בבקשה שוב עוד ועכשיו הלאה ענה ב json",
    "ar": "حسنا حسنًا نعم لا جيد ممتاز شكرا شكرًا تابع أكمل استمر واصل من فضلك مرة أخرى المزيد والآن التالي موافق "
    "أجب بصيغة json باختصار فقط بالعربية",
    "fa": "باشه بله نه خوب ممنون مرسی ادامه بده لطفا دوباره بیشتر و حالا بعدی json",
    "hi": "ठीक है हाँ हां नहीं अच्छा धन्यवाद शुक्रिया जारी रखें रखो आगे बढ़ें बढ़ो कृपया फिर से और अब अगला json में जवाब दें उत्तर दो",
    "bn": "ঠিক আছে হ্যাঁ না ভালো ধন্যবাদ চালিয়ে যান যাও দয়া করে আবার আরও এবং এখন json",
    "ko": "네 예 응 아니요 좋아요 좋아 좋습니다 알겠습니다 감사합니다 고마워요 고마워 계속 계속해 계속해줘 "
    "계속해주세요 해줘 해주세요 하세요 "
    "진행해 진행해주세요 다음 다시 더 그리고 이제 그래 오케이 json으로 답해줘 답해주세요 한국어로",
}
"""Words of turns that only continue, agree, thank or remind of a format. Such a turn has words of one row alone."""

UNSPACED = (
    "请 請 继续 繼續 好的 好 是的 是 对 對 不 嗯 行 可以 谢谢 謝謝 多谢 接着 接著 下一步 下一个 再来 再 说 說 下去 "
    "吧 了 啊 呢 一次 更多 开始 "
    "用 以 格式 回答 回复 中文 英文 简短 json 输出 只 "
    "はい うん ええ いいえ わかりました 了解です 了解 ありがとうございます ありがとう 続けてください 続けて 続き "
    "続きを どうぞ お願いします もっと "
    "もう一度 次 次へ 進めて ください オーケー それで では さあ で 答えて 日本語 短く "
    "ใช่ ไม่ โอเค ตกลง ดี ขอบคุณ ต่อไป ต่อ ทำ เลย ครับ ค่ะ กรุณา อีกครั้ง"
).split()
"""The same for scripts without spaces: such a turn consists of these pieces alone."""

PERSONA = (
    r"you(?:'re| are|r role is|r name is)\b(?! (?:given|to|going|asked|required|tasked)\b)|act as\b|behave like\b"
    r"|i want you to act\b|assistant\b|be (?:a|an|very|as)?\b"
    r"|du bist\b|sie sind\b|tu es\b|vous êtes\b|eres\b|usted es\b|sei un\b|você é\b|tu és\b|je bent\b|jesteś\b"
    r"|ты\b|вы\b"
    r"|sen bir\b|siz bir\b|bạn là\b|kamu adalah\b|anda adalah\b|أنت\b|आप एक\b|तुम\b|당신은|너는|你是|您是|あなたは"
    r"|คุณคือ"
)
"""How a sentence begins that says who the model is."""

WORK = (
    r"translat\w+|summari[sz]\w*|classif\w+|extract\w*|deriv\w+|prov(?:e|ing)|comput\w+|calculat\w+|rewrit\w+"
    r"|convert\w*"
    r"|analy[sz]\w+|review\w*|debug\w*|implement\w*|design\w*|compar\w+|determin\w+|identif\w+|evaluat\w+|solv\w+"
    r"|refactor\w*|optimi[sz]\w+|grad(?:e|ing)|label\w*|annotat\w+|proofread\w*|paraphras\w+|diagnos\w+|estimat\w+"
    r"|find|write|explain|describe|fix|list|generate|create|plan|predict|verify|check|correct|simplify|transcribe"
    r"|why|how"
    r"|überset\w+|fasse|zusammenf\w+|klassifizier\w+|extrahier\w+|beweis\w+|berechn\w+|analysier\w+|vergleich\w+"
    r"|erklär\w+|schreib\w*|finde|löse|prüfe|bestimm\w+|entwirf|leite"
    r"|tradui\w+|résum\w+|class(?:e|ez|ifie\w*)|extrai\w+|démontr\w+|prouv\w+|calcul\w+|compar\w+|expliqu\w+|écri\w+"
    r"|traduc\w+|traduzca|resum\w+|clasific\w+|extra\w+|demuestr\w+|analiz\w+|explic\w+|escrib\w+|resuelv\w+"
    r"|traduci|riassum\w+|classific\w+|dimostr\w+|spieg\w+|scriv\w+|traduz\w+|prove|escrev\w+|resolv\w+"
    r"|vertaal|vat|bewijs|bereken|schrijf|przetłumacz|streść|udowodnij|oblicz|wyjaśnij|napisz|porównaj"
    r"|çevir\w*|özetle\w*|kanıtla\w*|hesapla\w*|açıkla\w*|yaz|karşılaştır\w*|dịch|tóm tắt|chứng minh|terjemahkan"
    r"|jelaskan"
    r"|перевед\w+|переводи\w*|кратко изложи|классифицир\w+|извлек\w+|докаж\w+|вычисл\w+|объясн\w+|напиш\w+"
    r"|сравн\w+|реши"
    r"|ترجم|لخص|صنف|استخرج|أثبت|احسب|اشرح|اكتب|قارن"
)
"""Verbs of work, for scripts with spaces."""

WORK_UNSPACED = (
    r"翻译|翻譯|总结|總結|摘要|分类|分類|提取|推导|证明|證明|计算|計算|改写|分析|审查|调试|实现|设计|比较|解释"
    r"|找出|编写|写出|求解"
    r"|翻訳|要約|抽出|証明|説明|実装|設計|比較|書いて|解いて|번역|요약|분류|추출|증명|계산|분석|비교|설명|구현|작성"
    r"|अनुवाद|सारांश|सिद्ध|गणना|समझा|वर्गीकृत|แปล|สรุป|พิสูจน์|คำนวณ|อธิบาย"
)
"""Verbs and nouns of work, for scripts without spaces or with endings on every word."""

INPUT = (
    r"\b(?:each|every|following|below|given|provided|input|snippets?|whatever|everything|(?:the|any|all) (?:texts?"
    r"|code|"
    r"documents?|messages?|emails?|articles?|sentences?|questions? (?:below|that follow)|passages?|transcripts?"
    r"|contracts?)"
    r"|user's (?:text|code|message|input|document|query)|jede[nrms]?|folgende[nrms]?|eingabe|chaque|suivants?"
    r"|suivantes?"
    r"|texte|cada|siguientes?|texto|ogni|seguenti?|testo|seguintes?|elke|volgende|każd\w+|następując\w+|aşağıdaki"
    r"|metni|кажд\w+|следующ\w+|текст\w*|كل|التالي\w*|النص)\b|每|以下|下面|输入|文本|各|次の|入力|テキスト|다음|각"
    r"|입력|प्रत्येक|निम्नलिखित"
)
"""References to what the user sends: work on it is the task of every turn."""

CONTEXT = (
    r"context|documents?|passages?|sources?|background|references?|articles?|search results?|retrieved\b.{0,30}"
    r"|transcript"
    r"|logs?|excerpts?|kontext|dokumente?|quellen?|contexte|documents? fournis|contexto|documentos?|contesto|контекст"
    r"|документы?|bağlam|kontekst|السياق|上下文|文档|资料|文脈|資料|문맥|문서|संदर्भ"
)
"""Labels of pasted context: a heading, or the name of a tag around it."""

QUESTION = (
    r"question|query|task|instructions?|request|problem|your task|frage|aufgabe|anfrage|tâche|pregunta|tarea"
    r"|domanda|compito"
    r"|pergunta|tarefa|vraag|pytanie|zadanie|вопрос|задача|задание|soru|görev|السؤال|المهمة|问题|問題|任务|質問"
    r"|질문|과제|प्रश्न|कार्य"
)
"""Labels of the question after pasted context."""
