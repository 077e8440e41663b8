/* French: what the facts about a bundle, its ledger and its report say.  The readers' sentences are in french_forms.js.

   Each English sentence is the name of its French one; {} are the parts in their order, {0}, {1} … in another. */

/* Words that come as parts of a sentence. */
const FRENCH_TERMS = {
  __proto__: null,
  authority: "l’autorité",
  provider: "le fournisseur",
  request: "la demande",
  answer: "la réponse",
};

const FRENCH_NOUNS = {
  __proto__: null,
  act: ["acte", "actes"],
  call: ["appel", "appels"],
  count: ["compte", "comptes"],
  day: ["jour", "jours"],
  deviation: ["écart", "écarts"],
  disclosure: ["divulgation", "divulgations"],
  draw: ["tirage", "tirages"],
  "earlier run": ["essai antérieur", "essais antérieurs"],
  entry: ["inscription", "inscriptions"],
  file: ["fichier", "fichiers"],
  "gateway process": ["processus de passerelle", "processus de passerelle"],
  grant: ["autorisation", "autorisations"],
  item: ["élément", "éléments"],
  overrun: ["dépassement", "dépassements"],
  permit: ["appel permis", "appels permis"],
  plan: ["plan", "plans"],
  rater: ["évaluateur humain", "évaluateurs humains"],
  resumption: ["reprise", "reprises"],
  row: ["ligne", "lignes"],
  run: ["essai", "essais"],
  second: ["seconde", "secondes"],
  signature: ["signature", "signatures"],
  stop: ["arrêt", "arrêts"],
  suspension: ["suspension", "suspensions"],
  tile: ["tuile", "tuiles"],
};

const FRENCH_FACTS = {
  __proto__: null,
  "entry {}": "inscription {}",
  "{} line {}": "{}, ligne {}",
  "scores.json row {}": "scores.json, ligne {}",
  "; also {}": " ; aussi : {}",
  "; and {} more": " ; et {} autres",
  "{}; and {} more": "{} ; et {} autres",
  "{}: {}": "{} : {}",
  "{}; {}": "{} ; {}",
  "{} {}": "{} {}",
  "{}, {}": "{}, {}",
  " and ": " et ",
  "none": "aucun",
  "nothing": "rien",
  "{}, none but those of a bundle": "{}, aucun qui ne soit d’un dossier de preuve",
  "{} as bundle.json names them": "{}, tels que les nomme bundle.json",
  "bundle.json names it and it is not there": "bundle.json le nomme et il n’est pas là",
  "bundle.json does not name it": "bundle.json ne le nomme pas",
  "its bytes are not those that bundle.json names": "ses octets ne sont pas ceux que nomme bundle.json",
  "missing from the bundle": "absent du dossier",
  "missing": "absent",
  "those in the arrangement that was given": "celles de l’accord fourni",
  "they came with the bundle itself (terms.json): whoever made it chose them. Compare them with keys that reached you another way, or drop the signed terms that you have from a party beside it":
    "elles sont venues avec le dossier lui-même (terms.json) : celui qui l’a fait les a choisies. Comparez-les à des clés reçues autrement, ou déposez à côté les conditions signées que vous tenez d’une partie",
  "their digest is {}; the terms given have {}": "leur empreinte est {} ; les conditions fournies ont {}",
  "{} at {}, root {}": "{}, {}, racine {}",
  "by the log's own keys: Ed25519": "par les clés propres du registre : Ed25519",
  "by the log's own keys: Ed25519; its signature with ML-DSA-44 is not checked by this page":
    "par les clés propres du registre : Ed25519 ; sa signature ML-DSA-44 n’est pas vérifiée par cette page",
  "the log signed with ML-DSA-44 alone, which this page does not check":
    "le registre n’a signé qu’avec ML-DSA-44, que cette page ne vérifie pas",
  "{}; with ML-DSA-44, which this page does not check: {}": "{} ; avec ML-DSA-44, que cette page ne vérifie pas : {}",
  "{} at {} UTC": "{} le {} UTC",
  "it has the form of one, and no signature of the log that this page can check":
    "il en a la forme, et aucune signature du registre que cette page puisse vérifier",
  "it rests on ML-DSA-44 signatures, which this page does not check: {}":
    "il repose sur des signatures ML-DSA-44, que cette page ne vérifie pas : {}",
  "not met: {} missing; what is under this root is recorded, not yet held by both":
    "pas atteint : il manque {} ; ce qui est sous cette racine est inscrit, pas encore détenu par les deux",
  "the policy asks for no cosignature: recorded, and held by nobody else":
    "la politique ne demande aucune cosignature : inscrit, et détenu par personne d’autre",
  "met: what is under this root is held by those who cosigned":
    "atteint : ce qui est sous cette racine est détenu par ceux qui ont cosigné",
  "not looked at, because the checkpoint does not hold": "non examiné, parce que le point de contrôle ne tient pas",
  "not looked at, because these entries are not those that were signed for":
    "non examiné, parce que ces inscriptions ne sont pas celles qui ont été signées",
  "not looked at, because of what fails above": "non examiné, à cause de ce qui échoue plus haut",
  "the bundle names {}, the checkpoint is of {}": "le dossier nomme {}, le point de contrôle est de {}",
  "{} read from their bundles, none missing": "{} lues dans leurs paquets, aucune ne manque",
  "missing; it holds entries from {} on": "absent ; il contient les inscriptions à partir de {}",
  "{} lead to the root in the checkpoint": "{} mènent à la racine du point de contrôle",
  "the entries do not lead to the root in the checkpoint":
    "les inscriptions ne mènent pas à la racine du point de contrôle",
  "every hash in every tile is that of the entries": "chaque empreinte de chaque tuile est celle des inscriptions",
  "no tile can be compared, because the entries do not lead to the root":
    "aucune tuile ne peut être comparée, parce que les inscriptions ne mènent pas à la racine",
  "hash {} (bytes {} to {}) is not that of the entries":
    "l’empreinte {} (octets {} à {}) n’est pas celle des inscriptions",
  "neither the tiles nor the entries lead to the root in the checkpoint":
    "ni les tuiles ni les inscriptions ne mènent à la racine du point de contrôle",
  "entry {} (bytes {} to {}) does not match its leaf hash":
    "l’inscription {} (octets {} à {}) ne correspond pas à l’empreinte de sa feuille",
  "entry {} and the leaf hash in its tile differ":
    "l’inscription {} et l’empreinte de sa feuille dans la tuile diffèrent",
  "no tile of a ledger has this name": "aucune tuile d’un registre n’a ce nom",
  "a partial tile of an earlier size is not the beginning of the present one":
    "une tuile partielle d’une taille antérieure n’est pas le début de l’actuelle",
  "no file below tile/ but tiles": "sous tile/ rien que des tuiles",
  "{} of earlier sizes agree with the present ones": "{} de tailles antérieures concordent avec les actuelles",
  "{} beyond the {} entries signed for: covered by no signature, not read":
    "{} au-delà des {} inscriptions signées : couverts par aucune signature, non lus",
  "{} beside the ledger: covered by no signature": "{} à côté du registre : couverts par aucune signature",
  "every entry is canonical and keeps the form of its kind: {}":
    "chaque inscription est canonique et respecte la forme de son genre : {}",
  "entry {}: {}": "inscription {} : {}",
  "{}. What they say is not judged here; a newer release may know them":
    "{}. Ce qu’elles disent n’est pas jugé ici ; une version plus récente peut les connaître",
  "no entry states a time": "aucune inscription n’indique d’heure",
  "its time {} lies {} before an earlier entry's": "son heure {} précède de {} celle d’une inscription antérieure",
  "from {} to {}, never back by more than {}": "de {} à {}, jamais en arrière de plus de {}",
  "an engagement's ledger holds no calls": "le registre d’un dossier ne contient pas d’appels",
  "the terms name the ledger {}, this is {}": "les conditions nomment le registre {}, celui-ci est {}",
  "the terms in hand are not those of this ledger": "les conditions fournies ne sont pas celles de ce registre",
  "the first entry of an arrangement's ledger is arrangement.signed, and this is not":
    "la première inscription du registre d’un accord est arrangement.signed, et celle-ci ne l’est pas",
  "the amendment does not follow from the version in force before it":
    "l’avenant ne suit pas de la version en vigueur avant lui",
  "its digest is {}; the ledger is kept under {}": "son empreinte est {} ; le registre est tenu sous {}",
  "the entry": "l’inscription",
  "the arrangement file": "le fichier de l’accord",
  "the {} did not sign what {} holds": "{} n’a pas signé ce que contient {}",
  "the signatures in {} do not hold: {}": "les signatures dans {} ne tiennent pas : {}",
  "id, version or previous digest differ from those of the terms":
    "l’identifiant, la version ou l’empreinte précédente diffèrent de ceux des conditions",
  "the {} ({})": "{} ({})",
  "version {}, digest {}, signed by {}": "version {}, empreinte {}, signées par {}",
  "what it holds is no signed note: {}": "ce qu’elle contient n’est pas une note signée : {}",
  "the signed text names other terms than the entry": "le texte signé nomme d’autres conditions que l’inscription",
  "{}; both parties' are expected": "{} ; celles des deux parties sont attendues",
  "the signed act says {}, the entry says {}": "l’acte signé dit {}, l’inscription dit {}",
  "the signed act says {}": "l’acte signé dit {}",
  "the grant names other terms than those of this ledger":
    "l’autorisation nomme d’autres conditions que celles de ce registre",
  "the grant's id is not the nonce that was signed": "l’identifiant de l’autorisation n’est pas le nonce signé",
  "the same signed act stands at entry {} already": "le même acte signé figure déjà à l’inscription {}",
  "grants, revocations, stops, suspensions, resumptions, exits, halves of draws, deviations from plans":
    "autorisations, révocations, arrêts, suspensions, reprises, retraits, moitiés de tirages",
  "{} ({}), each signed by its party": "{} ({}), chacun signé par sa partie",
  "no party of the terms signed it: {}": "aucune partie des conditions ne l’a signé : {}",
  "the entry names the {}, the {} signed": "l’inscription nomme {}, mais {} a signé",
  "grants are the authority's to give and end; the {} signed":
    "donner et retirer les autorisations revient à l’autorité ; {} a signé",
  "the {} stops the access, and the clause stop.by does not name it":
    "{} arrête l’accès sans que la clause stop.by ne le prévoie",
  "the {} suspends the access, and the clause suspension.by does not name it":
    "{} suspend l’accès sans que la clause suspension.by ne le prévoie",
  "the {} leaves, and the clause exit.by does not name it": "{} se retire sans que la clause exit.by ne le prévoie",
  "from when on it ends access cannot be read: {}": "le moment où l’accès prend fin est illisible : {}",
  "{} days of notice agreed; from {} to {} are {}": "{} jours de préavis convenus ; du {} au {} il y en a {}",
  "{}, and the entry says {}": "{}, et l’inscription dit {}",
  "no cause is stated, and exit.statement is {}": "aucune cause n’est indiquée, et exit.statement vaut {}",
  "call {} exceeds its reservation ({}) and no call.overran follows":
    "l’appel {} dépasse sa réservation ({}) et aucun call.overran ne suit",
  "it ends call {}, and no earlier entry permits that call":
    "elle met fin à l’appel {}, qu’aucune inscription antérieure ne permet",
  "it ends call {}, which ended at entry {} already": "elle met fin à l’appel {}, déjà terminé à l’inscription {}",
  "the grant {} was issued before": "l’autorisation {} avait déjà été donnée",
  "it revokes the grant {}, which was never issued": "elle révoque l’autorisation {}, jamais donnée",
  "the gateway {} started before": "la passerelle {} avait déjà démarré",
  "its clock {}; expected stops or runs": "son horloge : {} ; attendu stops ou runs",
  "the {} resumes what it had neither stopped nor suspended":
    "{} reprend ce qui n’avait été ni arrêté ni suspendu par lui",
  "it counts tokens of call {}, which is none, ended or counted before":
    "elle compte les jetons de l’appel {}, inexistant, terminé ou déjà compté",
  "call {} was abandoned, but not charged at its reservation":
    "l’appel {} a été abandonné, mais pas imputé à sa réservation",
  "another gateway permitted call {}": "une autre passerelle a permis l’appel {}",
  "it names the {} of call {}, which is none": "elle nomme {} de l’appel {}, qui n’en est pas un",
  "permitted under the grant {}, which was never issued": "permis sous l’autorisation {}, jamais donnée",
  "permitted to {}; the grant is {}'s": "permis à {} ; l’autorisation est celle de {}",
  "permitted after the grant was revoked at entry {}":
    "permis après la révocation de l’autorisation à l’inscription {}",
  "permitted at {}; the grant expired at {}": "permis le {} ; l’autorisation a expiré le {}",
  "had ended": "avait pris fin",
  "never started": "n’a jamais démarré",
  "permitted by the gateway {}, which {}": "permis par la passerelle {}, qui {}",
  "permitted although the {} had stopped the access at entry {}":
    "permis alors que {} avait arrêté l’accès à l’inscription {}",
  "permitted although the {} had suspended the access at entry {}":
    "permis alors que {} avait suspendu l’accès à l’inscription {}",
  "permitted although {} was exceeded at entry {}": "permis alors que {} était dépassé à l’inscription {}",
  "call {} is charged for other tokens than were counted before":
    "l’appel {} est imputé pour d’autres jetons que ceux comptés avant",
  "call {}: more tokens in a cache than were sent": "appel {} : plus de jetons en cache que de jetons envoyés",
  "the gateway {} ends and never started": "la passerelle {} prend fin sans avoir démarré",
  "the gateway ended in order with call {} open": "la passerelle a pris fin en ordre avec l’appel {} ouvert",
  "call {} was not settled beyond its reservation just before":
    "l’appel {} ne venait pas d’être réglé au-delà de sa réservation",
  "its amounts are not those of call {}": "ses montants ne sont pas ceux de l’appel {}",
  "exceeded were {}; it names {}": "étaient dépassés {} ; elle nomme {}",
  "{} settled, {} abandoned, {} open; each ended once at most":
    "{} réglés, {} abandonnés, {} ouverts ; chacun terminé une fois au plus",
  "{} permitted: {}; {} refused": "{} permis : {} ; {} refusés",
  "{} issued; every permit stands under one in force": "{} données ; chaque appel permis en avait une en vigueur",
  "{}; every permit names one that was running": "{} ; chaque appel permis en nomme une en service",
  "{}, one for each settlement beyond its reservation": "{}, un pour chaque règlement au-delà de sa réservation",
  "{}; no call was permitted in between": "{} ; aucun appel n’a été permis entre les deux",
  "{}; no call was permitted in one": "{} ; aucun appel n’a été permis pendant l’une d’elles",
  "{}; the clock of window and grants stood still for {}":
    "{} ; l’horloge de la période et des autorisations s’est arrêtée pendant {}",
  "{} recorded, each of a call in this ledger": "{} inscrites, chacune d’un appel de ce registre",
  "the run {} had not begun": "l’essai {} n’avait pas commencé",
  "it names another plan than the run began under": "elle nomme un autre plan que celui de l’essai",
  "the run {} began at entry {} already": "l’essai {} avait déjà commencé à l’inscription {}",
  "the run began before its plan {} was frozen": "l’essai a commencé avant le gel de son plan {}",
  "the run ended at entry {} already": "l’essai avait déjà pris fin à l’inscription {}",
  "intended, attempted, answered, judged, correct do not fall: {}":
    "prévues, posées, répondues, notées, justes ne décroissent pas : {}",
  "{} frozen; {} begun, each under a plan frozen before it":
    "{} gelés ; {} commencés, chacun sous un plan gelé avant lui",
  "{} finished, {} aborted, {} open": "{} terminés, {} interrompus, {} ouverts",
  "{}: {}; {} within them; scores committed for {}": "{} : {} ; {} en leur sein ; notes consignées pour {}",
  "the call names the run {}, which had not begun": "l’appel nomme l’essai {}, qui n’avait pas commencé",
  "the call names a run that ended at entry {}": "l’appel nomme un essai terminé à l’inscription {}",
  "the call names a run of another grant": "l’appel nomme un essai d’une autre autorisation",
  "the {} has not committed": "{} ne s’est pas engagé",
  "the {} committed at entry {} and never told": "{} s’est engagé à l’inscription {} et n’a jamais révélé",
  "scores committed after a draw over them had begun": "notes consignées après le début d’un tirage parmi elles",
  "a commitment to a draw before the scores of run {} were committed":
    "un engagement à un tirage avant que les notes de l’essai {} ne soient consignées",
  "a draw has two halves, the authority's and the provider's; this is {}'s":
    "un tirage a deux moitiés, celle de l’autorité et celle du fournisseur ; celle-ci est de {}",
  "the {} had committed at entry {} already": "{} s’était déjà engagé à l’inscription {}",
  "both parties committed to the same secret: one copied the other's":
    "les deux parties se sont engagées sur le même secret : l’une a copié l’autre",
  "the {} tells what it had not committed to": "{} révèle ce à quoi il ne s’était pas engagé",
  "the {} tells before both parties had committed": "{} révèle avant l’engagement des deux parties",
  "the {} had told at entry {} already": "{} avait déjà révélé à l’inscription {}",
  "what the {} tells is not what it committed to": "ce que révèle {} n’est pas ce à quoi il s’était engagé",
  "run {}…: {}": "essai {}… : {}",
  "{} begun, {} complete; every secret is the one committed to":
    "{} commencés, {} complets ; chaque secret est celui qui était engagé",
  "there was no draw": "il n’y a pas eu de tirage",
  "the draw is not complete: {}": "le tirage n’est pas complet : {}",
  "it opens rows of a draw, and {}": "il ouvre des lignes d’un tirage, et {}",
  "the draw was complete at entry {}, and this bundle opens none of its rows":
    "le tirage était complet à l’inscription {}, et ce dossier n’ouvre aucune de ses lignes",
  "the drawn rows cannot be read": "les lignes tirées sont illisibles",
  "{} is {}, the ledger gives {}": "{} vaut {}, le registre donne {}",
  "it opens rows [{}]; drawn are [{}]": "il ouvre les lignes [{}] ; sont tirées [{}]",
  "row {} is not the item {} under its salt": "la ligne {} n’est pas l’élément {} sous son sel",
  " (all that are judged, fewer than {})": " (toutes celles qui sont notées, moins de {})",
  "rows {} of scores.json{}, drawn by both sides' secrets, are opened":
    "les lignes {} de scores.json{}, tirées par les secrets des deux parties, sont ouvertes",
  "not looked at, because the draw does not hold": "non examiné, parce que le tirage ne tient pas",
  "it was drawn, and no call stands behind its score": "elle a été tirée, et aucun appel n’est derrière sa note",
  "row {} was drawn, and its call {} is not opened whole":
    "la ligne {} a été tirée, et son appel {} n’est pas ouvert en entier",
  "the scorer is not in this page ({})": "le correcteur n’est pas dans cette page ({})",
  "a grant after access was closed at entry {}": "une autorisation après la clôture de l’accès à l’inscription {}",
  "{} grants are in force here, and the entry says {}": "{} autorisations sont ici en vigueur, et l’inscription dit {}",
  "{} calls are open here": "{} appels sont ici ouverts",
  "it closes other terms than those in force, or what is closed already":
    "elle clôt d’autres conditions que celles en vigueur, ou ce qui est déjà clos",
  "content was erased before access was closed": "du contenu a été effacé avant la clôture de l’accès",
  "the calls before it commit to {} items; it states {}, or another root":
    "les appels antérieurs engagent {} éléments ; elle en indique {}, ou une autre racine",
  "no call open, no grant in force, none given after it":
    "aucun appel ouvert, aucune autorisation en vigueur, aucune donnée après",
  "closed at entry {}, signed by both parties: {}": "clos à l’inscription {}, signé par les deux parties : {}",
  "what was erased is every sealed item that the calls before it commit to":
    "ce qui a été effacé est chaque élément scellé qu’engagent les appels antérieurs",
  "its note does not hold: {}": "sa note ne tient pas : {}",
  "expected signatures of {}, and of nobody else": "attendues : les signatures de {}, et de personne d’autre",
  "permitted at {}, and an exit ended access at {}": "permis le {}, et un retrait a mis fin à l’accès le {}",
  "permitted after access was closed at entry {}": "permis après la clôture de l’accès à l’inscription {}",
  "{} reserved; its tokens cost at most {}": "{} réservés ; ses jetons coûtent au plus {}",
  "{} calls open, {} agreed": "{} appels ouverts, {} convenus",
  "{} settled or reserved; budget.{} allows {}": "{} réglés ou réservés ; budget.{} en permet {}",
  "{} settled or reserved on {}; budget.per_day.{} allows {}":
    "{} réglés ou réservés le {} ; budget.per_day.{} en permet {}",
  "{} settled or reserved by calls of no repeated run": "{} réglés ou réservés par des appels d’aucun essai répété",
  "{}; budget.rerun_reserve leaves them {} of budget.{}": "{} ; budget.rerun_reserve leur laisse {} de budget.{}",
  "suspended for {}: the clock {} by suspension.clock_stops":
    "suspendu pour {} : l’horloge {} selon suspension.clock_stops",
  "{}; the entry says that it {}": "{} ; l’inscription dit qu’elle {}",
  " (by a clock that stood still for {})": " (selon une horloge arrêtée pendant {})",
  "permitted at {}, outside the window{}": "permis le {}, hors de la période{}",
  "permitted at {}, outside the hours of the window": "permis le {}, hors des heures convenues",
  "permitted to {}, who is not among the eligible people": "permis à {}, qui n’est pas parmi les personnes admises",
  "permitted for {}, which the terms do not list": "permis pour {}, que les conditions ne citent pas",
  "permitted over {}, which is not agreed for {}": "permis par {}, qui n’est pas convenu pour {}",
  "permitted with {}, which the terms do not allow": "permis avec {}, que les conditions n’admettent pas",
  "charged although nothing was to be paid": "imputé alors que rien n’était dû",
  "no usage was stated, and less is charged than was reserved":
    "aucune consommation n’a été indiquée, et moins que la réservation est imputé",
  "{} charged; its tokens cost {} at the prices agreed": "{} imputés ; ses jetons coûtent {} aux prix convenus",
  "the answer names {}, which is {}": "la réponse nomme {}, ce qui est {}",
  "{}; the entry says {}": "{} ; l’inscription dit {}",
  "an answer that is {} was handed on, and the terms say to withhold it":
    "une réponse {} a été transmise, alors que les conditions disent de la retenir",
  "{} of {} calls": "{} appels sur {}",
  "{} of {} input tokens, {} of {} output tokens": "{} jetons d’entrée sur {}, {} jetons de sortie sur {}",
  "{} of {}": "{} sur {}",
  "{}, {}, {} settled or reserved; within the clauses at every entry":
    "{}, {}, {} réglés ou réservés ; dans les clauses à chaque inscription",
  "{}: {} of {}": "{} : {} sur {}",
  "calls on {}, each within the budget of a day; the most on {}":
    "appels sur {}, chacun dans le budget d’un jour ; le plus le {}",
  "{} percent kept for repeated runs; other calls: {} of {}":
    "{} % gardés pour les essais répétés ; autres appels : {} sur {}",
  "at most {} open at once, {} agreed": "au plus {} ouverts à la fois, {} convenus",
  "{} within window, hours, people, models, protocols and features":
    "{} dans la période, les heures, les personnes, modèles, protocoles et fonctions convenus",
  "{}, the clock stopped or not as the terms say of its cause":
    "{}, l’horloge arrêtée ou non comme les conditions le disent de leur cause",
  "every reservation and every charge is what its tokens cost at the prices agreed":
    "chaque réservation et chaque imputation est ce que coûtent ses jetons aux prix convenus",
  "answers that name a model agreed: {}; that name none: {}; that name another, and are marked so: {}; calls without an answer: {}":
    "réponses nommant un modèle convenu : {} ; n’en nommant aucun : {} ; en nommant un autre, et marquées ainsi : {} ; appels sans réponse : {}",
  "the same counters stand at entry {} already": "les mêmes compteurs figurent déjà à l’inscription {}",
  "{} of a day by the guard, each signed with its key": "{} d’un jour par le poste de garde, chacun signé de sa clé",
  "counters of a guard, and the terms agree none (guard.by)":
    "compteurs d’un poste de garde, et les conditions n’en prévoient pas (guard.by)",
  "the guard's key did not sign it: {}": "la clé du poste de garde ne l’a pas signé : {}",
  "the counters that were signed are not those of the entry": "les compteurs signés ne sont pas ceux de l’inscription",
  "the counters name other terms than those of this ledger":
    "les compteurs nomment d’autres conditions que celles de ce registre",
  "the terms agree no guard (guard.by): that no call went round the gateway is not excluded":
    "les conditions ne prévoient pas de poste de garde (guard.by) : qu’un appel ait contourné la passerelle n’est pas exclu",
  "no calls yet": "pas encore d’appels",
  "guard and ledger agree on {} of {}": "poste de garde et registre concordent sur {} de {}",
  "{}: {}{}": "{} : {}{}",
  "on {}, every day with calls, the guard let through what the ledger holds":
    "sur {}, chaque jour avec des appels, le poste de garde a laissé passer ce que contient le registre",
  "no counters": "pas de compteurs",
  "{} to {}": "{} à {}",
  "{}, {} passed the guard and the ledger holds {}": "{}, {} ont passé le poste de garde et le registre en contient {}",
  "equal": "égal",
  "more": "davantage",
  "fewer": "moins",
  "different": "différent",
  "the ledger holds no run {}": "le registre ne contient pas d’essai {}",
  "was aborted": "a été interrompu",
  "has not finished": "n’est pas terminé",
  "the run {}; a report is about a run that finished": "l’essai {} ; un rapport porte sur un essai terminé",
  "scores were committed {} times (entries: {}); expected once":
    "des notes ont été consignées {} fois (inscriptions : {}) ; une fois attendue",
  "its digest is {}; the run of entry {} began under {}":
    "son empreinte est {} ; l’essai de l’inscription {} a commencé sous {}",
  "the plan was not frozen before the run began": "le plan n’était pas gelé avant le début de l’essai",
  "a call of this run before its plan was frozen at entry {}":
    "un appel de cet essai avant le gel de son plan à l’inscription {}",
  "no call was permitted": "aucun appel n’a été permis",
  "before its first call (entry {})": "avant son premier appel (inscription {})",
  "frozen at entry {}, {}": "gelé à l’inscription {}, {}",
  "run {} and plan {}": "l’essai {} et du plan {}",
  "it is of {}, not of this one": "elle est de {}, non de celui-ci",
  "its digest is {}; entry {} commits to {}": "son empreinte est {} ; l’inscription {} engage {}",
  "{}, the table that entry {} commits to": "{}, la table qu’engage l’inscription {}",
  "{} rows; the plan asks {} items {} times": "{} lignes ; le plan demande {} éléments {} fois",
  "{} items in {} rows; each of {} is asked once": "{} éléments en {} lignes ; chacun des {} est demandé une fois",
  "{} calls of the run in {} rows, each used once; every judged row has its answer":
    "{} appels de l’essai en {} lignes, chacun utilisé une fois ; chaque ligne notée a sa réponse",
  "{}; the run itself ended as {}": "{} ; l’essai lui-même a fini comme {}",
  "{}; {} of the run in no row, counted as repeated: {}":
    "{} ; {} de l’essai dans aucune ligne, comptés comme répétés : {}",
  "{} rows; by the plan's stopping rule {} items are asked ({})":
    "{} lignes ; selon la règle d’arrêt du plan {} éléments sont demandés ({})",
  "above": "au-dessus",
  "below": "au-dessous",
  "open": "indécis",
  "epoch {}; the plan asks each item {} times": "époque {} ; le plan demande chaque élément {} fois",
  "score {} and reason {}: a row has one of the two": "note {} et raison {} : une ligne a l’une des deux",
  "call {} is used in row {} already": "l’appel {} est déjà utilisé à la ligne {}",
  "call {} is not settled": "l’appel {} n’est pas réglé",
  "entry {} is no call of this run": "l’inscription {} n’est pas un appel de cet essai",
  "it has a score, and its last call was not answered": "elle a une note, et son dernier appel n’a pas eu de réponse",
  "counts.{} is committed as {}, the rows give {}": "counts.{} est consigné comme {}, les lignes donnent {}",
  "{}: as the rows give them": "{} : comme les donnent les lignes",
  "intended": "prévues",
  "attempted": "posées",
  "answered": "répondues",
  "judged": "notées",
  "unscored": "sans note",
  "repeated": "répétées",
  "correct": "justes",
  "report.json and report.html are those published at entry {}{}":
    "report.json et report.html sont ceux publiés à l’inscription {}{}",
  "; a later report stands at entry {}": " ; un rapport ultérieur figure à l’inscription {}",
  "no report about this run was published under this checkpoint":
    "aucun rapport sur cet essai n’a été publié sous ce point de contrôle",
  "its digest is {}; entry {} published {}": "son empreinte est {} ; l’inscription {} a publié {}",
  "as_of says {}; the run finished at {}, the report came at {}":
    "as_of dit {} ; l’essai s’est terminé à {}, le rapport est venu à {}",
  "it counts up to entry {} and leaves out the run begun at entry {}":
    "il compte jusqu’à l’inscription {} et omet l’essai commencé à l’inscription {}",
  "; {} begun since": " ; {} commencés depuis",
  "it counts the first {} entries; no run began between these and its publication{}":
    "il compte les {} premières inscriptions ; aucun essai n’a commencé entre elles et sa publication{}",
  "this report covers 1 of {}: {} frozen": "ce rapport couvre 1 sur {} : {} gelés",
  "{} begun, {} finished, {} aborted, 1 reported": "{} commencés, {} terminés, {} interrompus, 1 rapporté",
  "{} before this plan was frozen, {} outside any plan": "{} avant le gel de ce plan, {} hors de tout plan",
  "{}, {}; {}, {} of this run refused": "{}, {} ; {}, {} de cet essai refusés",
  "the report tells otherwise; {}": "le rapport dit autre chose ; {}",
  "{} says {}, the record gives {}": "{} dit {}, le registre donne {}",
  "all {} members are those that terms, plan, rows and entries give":
    "les {} membres sont tous ceux que donnent conditions, plan, lignes et inscriptions",
  "it claims {}, which is no member of the report": "elle affirme {}, qui n’est pas un membre du rapport",
  "{} reads {}, the record gives {}": "{} se lit {}, le registre donne {}",
  "{} is not stated, the record gives {}": "{} n’est pas indiqué, le registre donne {}",
  "{} claims say what the record gives; of {} numbers none is left out":
    "{} affirmations disent ce que donne le registre ; des {} nombres aucun n’est omis",
  "a browser reads other claims in the page than stand in its text":
    "un navigateur lit dans la page d’autres affirmations que celles de son texte",
  "the page cannot be read: {}": "la page est illisible : {}",
  "{}, who labelled the first answers of a draw that nobody chose":
    "{}, qui ont étiqueté les premières réponses d’un tirage que personne n’a choisi",
  "missing from the bundle; entry {} commits to it": "absent du dossier ; l’inscription {} l’engage",
  "no labels of this rater were committed before the report":
    "aucune étiquette de cet évaluateur n’a été consignée avant le rapport",
  "the digest is {}; entry {} commits to {}": "l’empreinte est {} ; l’inscription {} engage {}",
  "the labelled items are not the first of the draw over the score table":
    "les éléments étiquetés ne sont pas les premiers du tirage sur la table des notes",
  "entry {} counts otherwise than the file does": "l’inscription {} compte autrement que le fichier",
  "missing; the ledger commits to the {} of call {}": "absent ; le registre engage {} de l’appel {}",
  "its {} is {}, the entry says {}": "son {} est {}, l’inscription dit {}",
  "it belongs to no call of this run": "il n’appartient à aucun appel de cet essai",
  "each under its entry's commitment and of its length; what is inside only an opened item shows":
    "chacun sous l’engagement de son inscription et de sa longueur ; ce qu’il contient, seul un élément ouvert le montre",
  "{} sealed items of {}, {}": "{} éléments scellés de {}, {}",
  "it is of call {}; expected call {}, which this run made":
    "il est de l’appel {} ; attendu l’appel {}, fait par cet essai",
  "it is not the item that disclosed/{}.json opens": "ce n’est pas l’élément qu’ouvre disclosed/{}.json",
  "no item is opened in this bundle": "aucun élément n’est ouvert dans ce dossier",
  "{} of {} items opened, each what its entry commits to and what lies sealed":
    "{} éléments ouverts sur {}, chacun tel que son inscription l’engage et tel qu’il est scellé",
  "the disclosure is of {}, this is {}": "la divulgation est de {}, ceci est {}",
  "the ledger commits to no answer of this call": "le registre n’engage aucune réponse de cet appel",
  "the ciphertext does not open under the key beside it": "le texte chiffré ne s’ouvre pas sous la clé jointe",
  "what is shown is not what the entry commits to": "ce qui est montré n’est pas ce que l’inscription engage",
  "the number follows from committed scores": "le nombre découle de notes consignées",
  "it commits to a seed, and no entry of the run tells it: nobody can draw again":
    "il engage une graine, et aucune inscription de l’essai ne la révèle : personne ne peut refaire le tirage",
  "the seed told makes {}, the plan commits to {}": "la graine révélée donne {}, le plan engage {}",
  "scores under the plan {} stood at {} already: it came after them":
    "des résultats sous le plan {} figuraient déjà à l’{} : il est venu après eux",
  "scores under the amended plan {} stood at {} already: it came after them":
    "des résultats sous le plan modifié {} figuraient déjà à l’{} : il est venu après eux",
  "its seed was told at {}": "sa graine est révélée à l’{}",
  "its seed stands in the clear": "sa graine y figure en clair",
  "exploratory: {} from it": "exploratoire : {} par rapport à lui",
  "no deviation from it": "aucun écart par rapport à lui",
  "the scores were committed under a plan frozen before the first call":
    "les notes ont été consignées sous un plan gelé avant le premier appel",
  "scores follow from answers, on rows that neither side chose":
    "les notes découlent des réponses, sur des lignes qu’aucune partie n’a choisies",
  "answers follow from calls, by digest": "les réponses découlent des appels, par empreinte",
  "{}: no, {} fails": "{} : non, {} échoue",
  "{}: {} is not reached": "{} : {} n’est pas atteint",
  "{}: not established, {}": "{} : non établi, {}",
  "this entry is entry {} of {} in {}, leaf {}": "cette inscription est l’inscription {} de {} dans {}, feuille {}",
  "not established, because the receipt does not hold": "non établi, parce que le reçu ne tient pas",
};
