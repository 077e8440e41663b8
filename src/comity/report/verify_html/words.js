/* Every word of the page itself, in each language, in one table: English, then French.  What a verdict's facts say is in
   the sentences beside the code that finds them, and in french.js. */

const LANGUAGES = ["en", "fr"];
const WORDS = {
  __proto__: null,
  title: ["Check a report", "Vérifier un rapport"],
  sub: [
    "Is the number in the report the one that the record gives? This page computes it again, on your computer.",
    "Le nombre du rapport est-il celui que donne le registre ? Cette page le recalcule, sur votre ordinateur.",
  ],
  skip: ["To the result", "Aller au résultat"],
  drop: ["Drop the bundle here", "Déposez le dossier de preuve ici"],
  dropHint: [
    "bundle.zip, which came with the report; and beside it, if you have them, the signed terms (terms.json) that reached you from one of the parties.",
    "bundle.zip, joint au rapport ; et à côté, si vous les avez, les conditions signées (terms.json) reçues de l’une des parties.",
  ],
  choose: ["Choose files", "Choisir des fichiers"],
  remove: ["Remove {}", "Retirer {}"],
  removeShort: ["Remove", "Retirer"],
  offline: [
    "This page works without a network and is forbidden to use one. Nothing that you drop leaves your computer.",
    "Cette page fonctionne sans réseau et n’a pas le droit d’en utiliser un. Rien de ce que vous déposez ne quitte votre ordinateur.",
  ],
  itself: [
    "Whoever gave you this page could have changed it. Its SHA-256 stands in the report, whose own digest stands in the ledger; compute it with your own tools (sha256sum verify.html).",
    "Celui qui vous a remis cette page a pu la modifier. Son SHA-256 figure dans le rapport, dont l’empreinte figure au registre ; calculez-le avec vos propres outils (sha256sum verify.html).",
  ],
  version: ["Made by Comity", "Produite par Comity"],
  bytes: ["{} bytes", "{} octets"],
  isBundle: ["the bundle", "le dossier de preuve"],
  isTerms: [
    "signed terms: their keys are the ones that are checked against",
    "conditions signées : leurs clés servent à la vérification",
  ],
  isNoTerms: ["no signed terms that can be read: {}", "conditions signées illisibles : {}"],
  isReceipt: ["a receipt", "un reçu"],
  isCheckpoint: ["a checkpoint", "un point de contrôle"],
  isEntry: ["taken for the entry that the receipt is about", "pris pour l’inscription que le reçu concerne"],
  isPage: ["a page", "une page"],
  samePage: ["the page that is in the bundle, byte for byte", "la page contenue dans le dossier, octet pour octet"],
  otherPage: ["NOT the page that is in the bundle", "PAS la page contenue dans le dossier"],
  isOther: ["not used", "non utilisé"],
  working: ["Checking", "Vérification"],
  stageManifest: ["comparing the files with their digests", "comparaison des fichiers avec leurs empreintes"],
  stageLedger: ["computing the ledger’s tree again", "recalcul de l’arbre du registre"],
  stageEntries: ["reading the entries and their signatures", "lecture des inscriptions et de leurs signatures"],
  stageReport: ["computing the report again", "recalcul du rapport"],
  stageContent: ["looking at the sealed items", "examen des contenus scellés"],
  broke: [
    "The page could not finish, which is its own fault or that of a very unusual file: nothing was established. {}",
    "La page n’a pas pu aller au bout, par sa propre faute ou celle d’un fichier très inhabituel : rien n’est établi. {}",
  ],
  cannot: ["This browser cannot check a report", "Ce navigateur ne peut pas vérifier un rapport"],
  good: ["The number follows from the record", "Le nombre découle du registre"],
  part: [
    "The number follows from the record, and something beside it does not hold",
    "Le nombre découle du registre, mais autre chose ne tient pas",
  ],
  bad: ["This does not hold", "Cela ne tient pas"],
  open: ["Nothing fails, and the number is not established", "Rien n’échoue, mais le nombre n’est pas établi"],
  holds: ["This holds", "Cela tient"],
  failing: ["{} of {} facts fail:", "{} faits sur {} échouent :"],
  failingMore: ["and {} more, below", "et {} autres, plus bas"],
  standing: [
    "Facts that hold: {}. Not established here: {}. None fails.",
    "Faits qui tiennent : {}. Non établis ici : {}. Aucun n’échoue.",
  ],
  reachedNone: ["No rung of the proof is reached.", "Aucun échelon de la preuve n’est atteint."],
  reachedOne: ["Reached: rung {} of 4.", "Atteint : échelon {} sur 4."],
  reachedMany: ["Reached: rungs {} of 4.", "Atteints : échelons {} sur 4."],
  and: [" and ", " et "],
  ownKeys: [
    "The keys came with the bundle itself: whoever made it chose them. To check against keys that you trust, drop the signed terms that you have from the authority or the provider.",
    "Les clés sont venues avec le dossier lui-même : celui qui l’a fait les a choisies. Pour vérifier avec des clés auxquelles vous vous fiez, déposez les conditions signées que vous tenez de l’autorité ou du fournisseur.",
  ],
  numberTitle: ["The number, computed again", "Le nombre, recalculé"],
  doNotQuote: [
    "This is what the rows in this file give. Something that it rests on fails: do not quote it.",
    "C’est ce que donnent les lignes de ce fichier. Ce sur quoi il repose échoue : ne le citez pas.",
  ],
  reportSays: ["The report says {}, the record gives {}.", "Le rapport dit {}, le registre donne {}."],
  noEstimate: [
    "No answer was judged, so there is no estimate.",
    "Aucune réponse n’a été notée : il n’y a pas d’estimation.",
  ],
  interval: ["{} to {} ({} interval)", "{} à {} (intervalle à {})"],
  sentence: [
    "{} answered {} of {} judged questions of “{}” right. {}",
    "{} a répondu juste à {} des {} questions notées de « {} ». {}",
  ],
  missingNone: ["No question is without a score.", "Aucune question n’est sans note."],
  missingOne: [
    "1 question has no score: were it wrong the share would be {}, were it right {}.",
    "1 question est sans note : fausse, la part serait de {} ; juste, de {}.",
  ],
  missingMany: [
    "{} questions have no score: were all wrong the share would be {}, were all right {}.",
    "{} questions sont sans note : toutes fausses, la part serait de {} ; toutes justes, de {}.",
  ],
  drawn: [
    "{}, interval {} to {}, on a line from 0% to 100%",
    "{}, intervalle de {} à {}, sur une ligne de 0 % à 100 %",
  ],
  methods: ["Each estimate that the plan asks for", "Chaque estimation que demande le plan"],
  method: ["Method", "Méthode"],
  rate: ["Rate", "Taux"],
  from: ["From", "De"],
  to: ["To", "À"],
  judgedN: ["Judged", "Notées"],
  countsTitle: ["What became of the questions", "Ce que sont devenues les questions"],
  count: ["Questions", "Questions"],
  number: ["Number", "Nombre"],
  countIntended: ["Intended by the plan", "Prévues par le plan"],
  countAttempted: ["Attempted", "Posées"],
  countAnswered: ["Answered", "Ayant reçu une réponse"],
  countJudged: ["Judged", "Notées"],
  countCorrect: ["Right", "Justes"],
  countUnscored: ["Without a score", "Sans note"],
  countRepeated: ["Calls made again", "Appels répétés"],
  because: ["without a score: {}", "sans note : {}"],
  model: ["Model", "Modèle"],
  suite: ["Suite", "Jeu de questions"],
  plan: ["Plan", "Plan"],
  arrangement: ["Terms", "Conditions"],
  versionNumber: ["version {}", "version {}"],
  versionOf: ["{}, version {}", "{}, version {}"],
  ledger: ["Ledger", "Registre"],
  entries: ["{} entries", "{} inscriptions"],
  cosigned: ["Cosigned by", "Cosigné par"],
  nobody: ["nobody that could be checked", "personne de vérifiable"],
  runsTitle: ["Runs in the ledger, reported or not", "Essais au registre, rapportés ou non"],
  runsAll: [
    "The ledger knows one run, and this report is about it.",
    "Le registre ne connaît qu’un essai, et ce rapport porte sur lui.",
  ],
  runsSome: [
    "This report covers 1 of {} runs in the ledger. {} not reported here.",
    "Ce rapport couvre 1 des {} essais au registre. {} non rapportés ici.",
  ],
  run: ["Run", "Essai"],
  began: ["Began", "Début"],
  calls: ["Calls", "Appels"],
  end: ["End", "Fin"],
  reported: ["Reported", "Rapporté"],
  thisOne: ["this report", "ce rapport"],
  leftOut: ["not reported here", "non rapporté ici"],
  afterReport: ["begun after this report", "commencé après ce rapport"],
  stateFinished: ["finished", "terminé"],
  stateAborted: ["aborted: {}", "interrompu : {}"],
  stateOpen: ["has not ended", "non terminé"],
  outside: [
    "{} calls stand before this run’s plan was frozen, {} belong to no plan, and {} of this run were refused.",
    "{} appels précèdent le gel du plan de cet essai, {} ne relèvent d’aucun plan, et {} de cet essai ont été refusés.",
  ],
  rungsTitle: ["How far the proof reaches", "Jusqu’où va la preuve"],
  rungsHint: [
    "Each rung can be proven on its own; 3 and 4 presuppose 1 and 2.",
    "Chaque échelon se prouve séparément ; 3 et 4 supposent 1 et 2.",
  ],
  stateYes: ["reached", "atteint"],
  stateNo: ["fails", "échoue"],
  stateUnknown: ["not established", "non établi"],
  factYes: ["holds", "tient"],
  factNo: ["fails", "échoue"],
  factUnknown: ["not established", "non établi"],
  rung1: ["The number follows from committed scores", "Le nombre découle de notes consignées"],
  rung2: [
    "The plan was frozen before the first call, and every run is counted",
    "Le plan a été gelé avant le premier appel, et chaque essai est compté",
  ],
  rung3: [
    "The scores follow from the answers, on rows that neither side chose",
    "Les notes découlent des réponses, sur des lignes qu’aucune partie n’a choisies",
  ],
  rung4: ["The answers follow from the calls, by digest", "Les réponses découlent des appels, par empreinte"],
  rung1Means: [
    "Whoever made the report cannot have changed a number in it. Whether the scores are what the answers deserve is left open.",
    "L’auteur du rapport n’a pu y changer aucun nombre. Que les notes soient celles que méritent les réponses reste ouvert.",
  ],
  rung2Means: [
    "What was to be asked was fixed first, and no run in this ledger is hidden. A call under another arrangement is in another ledger, or in none.",
    "Ce qui serait demandé était fixé d’abord, et aucun essai de ce registre n’est caché. Un appel sous un autre accord est dans un autre registre, ou dans aucun.",
  ],
  rung3Means: [
    "Five rows, drawn by secrets of both sides, are opened and scored again. This page looks at the draw; scoring again needs the scorer, which “comity verify” has.",
    "Cinq lignes, tirées par des secrets des deux parties, sont ouvertes et notées à nouveau. Cette page examine le tirage ; noter à nouveau demande le correcteur, dont dispose « comity verify ».",
  ],
  rung4Means: [
    "What is opened is what the entries commit to, and the sealed content of every call is there under its own label.",
    "Ce qui est ouvert est ce que les inscriptions engagent, et le contenu scellé de chaque appel est là sous sa propre étiquette.",
  ],
  notTitle: ["What was not checked", "Ce qui n’a pas été vérifié"],
  notKeys: [
    "Whose keys these are: they came with the bundle.",
    "À qui sont ces clés : elles sont venues avec le dossier.",
  ],
  notPq: [
    "Signatures with ML-DSA-44: no browser can check them. Their form was looked at, and nothing here rests on them; “comity verify” checks them.",
    "Les signatures ML-DSA-44 : aucun navigateur ne sait les vérifier. Leur forme a été examinée, et rien ici ne repose sur elles ; « comity verify » les vérifie.",
  ],
  notRescored: [
    "Whether the drawn answers get their scores again: the scorer is not in this page. “comity verify” has it.",
    "Si les réponses tirées obtiennent à nouveau leurs notes : le correcteur n’est pas dans cette page. « comity verify » l’a.",
  ],
  notDrawn: ["Whether scores follow from answers: {}.", "Si les notes découlent des réponses : {}."],
  notOpened: [
    "What the sealed items hold: an item that nobody opens shows its label and its length.",
    "Ce que contiennent les éléments scellés : un élément que personne n’ouvre montre son étiquette et sa longueur.",
  ],
  notQuorum: ["That both sides hold this history: {}.", "Que les deux parties détiennent cette histoire : {}."],
  notGuard: ["That no call went round the gateway: {}.", "Qu’aucun appel n’a contourné la passerelle : {}."],
  notGuardEqual: [
    "That no call went round the gateway, beyond what the provider’s guard counted: its count agrees with the ledger, and it is the provider’s word.",
    "Qu’aucun appel n’a contourné la passerelle, au-delà de ce que le poste de garde du fournisseur a compté : son compte concorde avec le registre, et c’est la parole du fournisseur.",
  ],
  notTrue: [
    "Whether the entries are true: a ledger shows order and integrity, not truth.",
    "Si les inscriptions sont vraies : un registre montre l’ordre et l’intégrité, non la vérité.",
  ],
  notModel: [
    "Which weights answered: the model’s name is the provider’s statement.",
    "Quels poids ont répondu : le nom du modèle est une déclaration du fournisseur.",
  ],
  notWords: [
    "What the report says in words, and whether the page that you read is the one in the bundle. Drop it here to compare.",
    "Ce que le rapport dit en mots, et si la page que vous avez lue est celle du dossier. Déposez-la ici pour comparer.",
  ],
  notWordsSame: [
    "What the report says in words. The page that you dropped is the one in the bundle.",
    "Ce que le rapport dit en mots. La page que vous avez déposée est celle du dossier.",
  ],
  notThis: [
    "This page itself: check its SHA-256 as the end of the page says.",
    "Cette page elle-même : vérifiez son SHA-256 comme le dit le bas de la page.",
  ],
  notAll: ["Every fact that is not established", "Chaque fait non établi"],
  quoteTitle: ["A sentence to quote", "Une phrase à citer"],
  quote: [
    "{} answered {} of {} judged questions of “{}” (version {}) right: {} ({} to {}, {} {} interval); {} without a score. The report covers 1 of {} runs in the ledger.",
    "{} a répondu juste à {} des {} questions notées de « {} » (version {}) : {} ({} à {}, intervalle {} {}) ; {} sans note. Le rapport couvre 1 des {} essais au registre.",
  ],
  quoteProof: [
    "Computed again from the record. {} Report SHA-256 {}, published as entry {} of {}.",
    "Recalculé à partir du registre. {} SHA-256 du rapport {}, publié comme inscription {} de {}.",
  ],
  quoteKeys: ["The keys came with the bundle.", "Les clés sont venues avec le dossier."],
  quoteNot: [
    "Nothing is offered to quote, because something fails.",
    "Rien n’est proposé à citer, parce que quelque chose échoue.",
  ],
  copy: ["Copy the sentence", "Copier la phrase"],
  copied: ["Copied", "Copié"],
  notCopied: ["Select it and copy it by hand", "Sélectionnez-la et copiez-la à la main"],
  factsTitle: ["Every fact", "Chaque fait"],
  factsHint: [
    "In the words of “comity verify”, which says the same of the same file.",
    "Dans les termes de « comity verify », qui dit la même chose du même fichier.",
  ],
  many: ["{} of {} hold", "{} sur {} tiennent"],
  digestsTitle: ["Digests", "Empreintes"],
  digestBundle: ["This bundle", "Ce dossier"],
  digestReport: ["report.json", "report.json"],
  digestPage: ["report.html", "report.html"],
  digestTerms: ["The signed terms", "Les conditions signées"],
  digestPlan: ["The plan", "Le plan"],
  digestRows: ["The score table", "La table des notes"],
  digestRoot: ["The ledger’s root", "La racine du registre"],
  digestRun: ["The run", "L’essai"],
  jsonTitle: ["The verdict as JSON", "Le verdict en JSON"],
  whichBundle: [
    "There is nothing to check yet: drop the bundle that came with the report.",
    "Il n’y a encore rien à vérifier : déposez le dossier joint au rapport.",
  ],
  whichKeys: [
    "To check this, drop the signed terms (terms.json) as well: they name the keys.",
    "Pour vérifier ceci, déposez aussi les conditions signées (terms.json) : elles nomment les clés.",
  ],
  whichEntry: [
    "A receipt is about one entry: drop the entry’s bytes as well.",
    "Un reçu porte sur une inscription : déposez aussi les octets de l’inscription.",
  ],
};

/* The headings under which facts stand, and the facts under each. */
const SECTIONS = [
  [
    ["The bundle", "Le dossier"],
    ["archive", "manifest"],
  ],
  [
    ["Who signed", "Qui a signé"],
    ["keys", "checkpoint", "log signatures", "cosignatures", "quorum", "receipt"],
  ],
  [
    ["The files", "Les fichiers"],
    ["entries", "tiles", "root", "files", "older tiles", "beyond", "beside"],
  ],
  [
    ["The entries", "Les inscriptions"],
    ["kinds", "unknown kinds", "times"],
  ],
  [
    ["The terms and the parties’ acts", "Les conditions et les actes des parties"],
    ["origin", "terms", "acts"],
  ],
  [
    ["The calls", "Les appels"],
    [
      "calls",
      "grants",
      "gateways",
      "overruns",
      "stops",
      "suspensions",
      "disclosures",
      "runs",
      "draws",
      "closing",
      "erasures",
    ],
  ],
  [
    ["The calls against the clauses", "Les appels face aux clauses"],
    [...CLAUSE_FACTS, "counters", "guard"],
  ],
  [
    ["The run", "L’essai"],
    ["plan", "scores", "rows", "counts", "sample"],
  ],
  [
    ["The report", "Le rapport"],
    ["published", "as_of", "covers", "report", "page", "labels"],
  ],
  [
    ["The content", "Le contenu"],
    ["sealed", "disclosed", "draw", "rescored"],
  ],
];

/* What each fact is about, in plain words; beside them stands the name that `comity verify` prints. */
const FACT_WORDS = {
  __proto__: null,
  archive: ["The file is a bundle and nothing else", "Le fichier est un dossier de preuve et rien d’autre"],
  manifest: ["Every file has the digest that its list names", "Chaque fichier a l’empreinte que donne sa liste"],
  keys: ["Where the keys come from", "D’où viennent les clés"],
  checkpoint: ["The ledger’s signed head", "La tête signée du registre"],
  "log signatures": ["The ledger’s keeper signed it", "Le teneur du registre l’a signée"],
  cosignatures: ["Who cosigned it", "Qui l’a cosignée"],
  quorum: ["Both sides hold this history", "Les deux parties détiennent cette histoire"],
  receipt: ["The entry is in the ledger", "L’inscription est au registre"],
  entries: ["Every entry is there", "Chaque inscription est là"],
  tiles: ["Every hash is that of the entries", "Chaque empreinte est celle des inscriptions"],
  root: ["The entries lead to the signed root", "Les inscriptions mènent à la racine signée"],
  files: ["Nothing foreign among the files", "Rien d’étranger parmi les fichiers"],
  "older tiles": ["Earlier sizes agree with the present one", "Les tailles antérieures concordent avec l’actuelle"],
  beyond: ["Files beyond the signed size", "Fichiers au-delà de la taille signée"],
  beside: ["Files beside the ledger", "Fichiers à côté du registre"],
  kinds: ["Every entry keeps its form", "Chaque inscription respecte sa forme"],
  "unknown kinds": ["Entries that this page does not know", "Inscriptions que cette page ne connaît pas"],
  times: ["Time does not run backwards", "Le temps ne recule pas"],
  origin: ["It is this arrangement’s ledger", "C’est le registre de cet accord"],
  terms: ["Both parties signed the terms", "Les deux parties ont signé les conditions"],
  acts: ["Each party signed its acts", "Chaque partie a signé ses actes"],
  calls: ["Every call ended once", "Chaque appel a pris fin une fois"],
  grants: ["Every call had a grant", "Chaque appel avait une autorisation"],
  gateways: ["Every call passed a running gateway", "Chaque appel est passé par une passerelle en service"],
  overruns: ["Every excess is stated", "Chaque dépassement est déclaré"],
  stops: ["No call while access was stopped", "Aucun appel pendant un arrêt"],
  suspensions: ["No call while access was suspended", "Aucun appel pendant une suspension"],
  disclosures: ["Recorded disclosures are of calls here", "Les divulgations portent sur des appels d’ici"],
  runs: ["Plans before runs before calls", "Plans avant essais avant appels"],
  draws: ["Draws went by their rules", "Les tirages ont suivi leurs règles"],
  closing: ["Access was closed by both", "L’accès a été clos par les deux"],
  erasures: ["What was erased is stated", "Ce qui a été effacé est déclaré"],
  budget: ["The budget was kept", "Le budget a été tenu"],
  days: ["Each day’s budget was kept", "Le budget de chaque jour a été tenu"],
  reruns: ["The reserve for repetitions was kept", "La réserve pour répétitions a été tenue"],
  concurrency: ["No more calls at once than agreed", "Pas plus d’appels à la fois que convenu"],
  permits: ["Every call was one that the terms allow", "Chaque appel était permis par les conditions"],
  clock: ["The clock stood still as agreed", "L’horloge s’est arrêtée comme convenu"],
  prices: ["Every charge is what the tokens cost", "Chaque montant est le prix des jetons"],
  models: ["Answers name the agreed model", "Les réponses nomment le modèle convenu"],
  counters: ["The guard’s counts are signed", "Les comptes du poste de garde sont signés"],
  guard: ["Guard and ledger agree", "Poste de garde et registre concordent"],
  plan: ["The plan was frozen first", "Le plan a été gelé d’abord"],
  scores: ["The score table is the committed one", "La table des notes est celle consignée"],
  rows: ["Each row has its own calls", "Chaque ligne a ses propres appels"],
  counts: ["The counts follow from the rows", "Les comptes découlent des lignes"],
  published: ["Report and page are the published ones", "Rapport et page sont ceux publiés"],
  as_of: ["The report counts up to its publication", "Le rapport compte jusqu’à sa publication"],
  sample: ["The sample, drawn again", "L’échantillon, tiré à nouveau"],
  covers: ["The report tells of the other runs", "Le rapport mentionne les autres essais"],
  report: ["Every member of the report, computed again", "Chaque membre du rapport, recalculé"],
  page: ["Every number on the page, computed again", "Chaque nombre de la page, recalculé"],
  labels: ["Raters’ labels are those committed", "Les étiquettes des évaluateurs humains sont celles consignées"],
  sealed: ["Every call’s sealed content is there", "Le contenu scellé de chaque appel est là"],
  disclosed: ["What is opened is what was committed to", "Ce qui est ouvert est ce qui était engagé"],
  draw: ["The drawn rows are opened", "Les lignes tirées sont ouvertes"],
  rescored: ["The drawn rows get their scores again", "Les lignes tirées obtiennent à nouveau leurs notes"],
};

/* Methods of intervals as people write them. */
const METHOD_WORDS = {
  __proto__: null,
  wilson: "Wilson",
  "clopper-pearson": "Clopper–Pearson",
  jeffreys: "Jeffreys",
  "korn-graubard": "Korn–Graubard",
  "betting-bank": "betting",
  "betting-drawn": "betting",
};

function word(key, language, ...parts) {
  let place = 0;
  return WORDS[key][LANGUAGES.indexOf(language)].replace(/\{\}/g, () => parts[place++]);
}

/* A percentage as the language writes it. */
function percentWord(reading, language) {
  return language === "fr" ? reading.replace(".", ",").replace("%", "\u00a0%") : reading;
}

function numberWord(number, language) {
  return thousands(String(number)).replaceAll(",", language === "fr" ? "\u202f" : ",");
}
