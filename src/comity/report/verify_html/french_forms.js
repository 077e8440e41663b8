/* French: what the readers of files say of bytes that keep no form; the facts' own sentences are in french.js. */

const FRENCH_FORMS = {
  __proto__: null,
  "authority": "l’autorité",
  "provider": "le fournisseur",
  "This browser gives the page no cryptography here. Open the file from your disk, in a current browser.":
    "Ce navigateur ne donne ici à la page aucune cryptographie. Ouvrez le fichier depuis votre disque, dans un navigateur actuel.",
  "This browser cannot unpack a bundle. A current one can.":
    "Ce navigateur ne sait pas décompresser un dossier. Un navigateur actuel le sait.",
  "This browser cannot check Ed25519 signatures. Chromium from 137, Firefox from 129 and Safari from 17 can.":
    "Ce navigateur ne sait pas vérifier les signatures Ed25519. Chromium dès 137, Firefox dès 129 et Safari dès 17 le savent.",
  "{} bytes, at most {} are allowed": "{} octets, au plus {} sont admis",
  "{} bytes, at most {} are read": "{} octets, au plus {} sont lus",
  "not JSON in UTF-8": "ce n’est pas du JSON en UTF-8",
  "nested deeper than {} levels": "imbriqué sur plus de {} niveaux",
  "the key {} stands twice in one object": "la clé {} figure deux fois dans un objet",
  "the number {} is not an integer; decimals are written as strings":
    "le nombre {} n’est pas entier ; les décimaux s’écrivent en texte",
  "an integer is beyond ±(2^53 − 1); it is written as a string": "un entier dépasse ±(2^53 − 1) ; il s’écrit en texte",
  "expected an object, got {}": "attendu un objet, reçu {}",
  "JSON, but not in canonical form (RFC 8785): order, spacing or escapes differ":
    "du JSON, mais pas en forme canonique (RFC 8785) : ordre, espaces ou échappements diffèrent",
  "a string holds a lone surrogate; expected text that UTF-8 can write":
    "un texte contient un demi-codet isolé ; attendu un texte qu’UTF-8 sait écrire",
  "the key {} is not an ASCII string": "la clé {} n’est pas un texte ASCII",
  "a text is expected, {} came": "un texte est attendu, {} est venu",
  "an integer from 0 is expected, {} came": "un entier à partir de 0 est attendu, {} est venu",
  "an object is expected, {} came": "un objet est attendu, {} est venu",
  "a list is expected, {} came": "une liste est attendue, {} est venu",
  "{} is not hexadecimal": "{} n’est pas hexadécimal",
  "{} is not standard base64 with padding, in its one spelling":
    "{} n’est pas du base64 standard avec remplissage, dans sa seule écriture",
  "{} is not a decimal without leading zeros": "{} n’est pas un décimal sans zéros en tête",
  "{} is larger than {}": "{} est plus grand que {}",
  "the archive has more than {} bytes": "l’archive a plus de {} octets",
  "the file does not begin as a zip archive does": "le fichier ne commence pas comme une archive zip",
  "the file is no zip archive that can be read": "le fichier n’est pas une archive zip lisible",
  "{} files, at most {} are read": "{} fichiers, au plus {} sont lus",
  "a comment stands behind the archive; a bundle has none": "un commentaire suit l’archive ; un dossier n’en a pas",
  "bytes that belong to no file stand before the first one":
    "des octets n’appartenant à aucun fichier précèdent le premier",
  "the name stands twice in the archive": "le nom figure deux fois dans l’archive",
  "no file of a bundle has this name": "aucun fichier d’un dossier n’a ce nom",
  "it is a link, a folder or a device; a bundle holds files":
    "c’est un lien, un répertoire ou un périphérique ; un dossier contient des fichiers",
  "it is encrypted; a bundle is not": "il est chiffré ; un dossier ne l’est pas",
  "it is packed by method {}; stored and deflate are read":
    "il est compressé par la méthode {} ; stored et deflate sont lus",
  "{} bytes unpacked are declared, at most {} are read": "{} octets décompressés sont déclarés, au plus {} sont lus",
  "{} bytes unpack to {}: that is no text of ours": "{} octets se décompressent en {} : ce n’est pas un texte d’ici",
  "up to here more than {} bytes unpacked are declared": "jusqu’ici plus de {} octets décompressés sont déclarés",
  "it unpacks to {} bytes, {} are declared": "il se décompresse en {} octets, {} sont déclarés",
  "it unpacks to more than the {} bytes that are declared": "il se décompresse en plus que les {} octets déclarés",
  "it cannot be unpacked: there is no file where the archive's list says":
    "il ne se décompresse pas : il n’y a pas de fichier là où le dit la liste de l’archive",
  "it cannot be unpacked: the file bears another name than the archive's list gives it":
    "il ne se décompresse pas : le fichier porte un autre nom que dans la liste de l’archive",
  "it cannot be unpacked: the archive is cut short": "il ne se décompresse pas : l’archive est tronquée",
  "it cannot be unpacked: its checksum is another": "il ne se décompresse pas : sa somme de contrôle est autre",
  "it cannot be unpacked: its packed bytes are broken": "il ne se décompresse pas : ses octets compressés sont abîmés",
  "expected the members files, format (comity bundle/1), ledger and run":
    "attendus les membres files, format (comity bundle/1), ledger et run",
  "files are names with digests, ledger is a text": "files associe des noms à des empreintes, ledger est un texte",
  "run is a text": "run est un texte",
  "a verifier key is '<name>+<hex key ID>+<base64>'": "une clé de vérification est « <nom>+<ID hexadécimal>+<base64> »",
  "{}, the name without spaces or plus": "{}, le nom sans espaces ni plus",
  "{}; the base64 of {} is not in canonical form": "{} ; le base64 de {} n’est pas en forme canonique",
  "key {}: types 01, 04 and 06 are known here, another came":
    "clé {} : les types 01, 04 et 06 sont connus ici, un autre est venu",
  "{} keys have {} bytes, not {}": "les clés {} ont {} octets, non {}",
  "the key ID of {} is {}, the line says otherwise": "l’ID de la clé de {} est {}, la ligne dit autre chose",
  "a note has at most {} bytes, {} came": "une note a au plus {} octets, {} sont venus",
  "a note is UTF-8, and this is not": "une note est en UTF-8, et ceci ne l’est pas",
  "a note holds no control character but the newline":
    "une note ne contient d’autre caractère de contrôle que la fin de ligne",
  "no empty line between text and signatures": "pas de ligne vide entre texte et signatures",
  "signature lines are expected after the last empty line, each ending in a newline":
    "des lignes de signature sont attendues après la dernière ligne vide, chacune close par une fin de ligne",
  "a note has at most {} signatures, {} came": "une note a au plus {} signatures, {} sont venues",
  "a signature line begins with an em dash (U+2014) and a space":
    "une ligne de signature commence par un tiret cadratin (U+2014) et une espace",
  "a signature line is '— <name> <base64>', the name without spaces or plus":
    "une ligne de signature est « — <nom> <base64> », le nom sans espaces ni plus",
  "signature of {}: {}": "signature de {} : {}",
  "signature of {} ({}): {}": "signature de {} ({}) : {}",
  "signature of {} has {} bytes; a 4-byte key ID and more is expected":
    "la signature de {} a {} octets ; un ID de clé de 4 octets et plus sont attendus",
  "an Ed25519 signature has {} bytes, not {}": "une signature Ed25519 a {} octets, non {}",
  "it does not verify over this text": "elle n’est pas valide sur ce texte",
  "a cosignature of this type has {} bytes, not {}": "une cosignature de ce type a {} octets, non {}",
  "a time lies beyond the year 9999": "une heure dépasse l’an 9999",
  "a cosignature is over a checkpoint only: {}": "une cosignature ne porte que sur un point de contrôle : {}",
  "no known key signed this note: known are {}; it is signed by {}":
    "aucune clé connue n’a signé cette note : sont connues {} ; elle est signée par {}",
  "a checkpoint has three lines, each ending in a newline; {} came":
    "un point de contrôle a trois lignes, chacune close par une fin de ligne ; {} est venu",
  "an empty line inside a checkpoint": "une ligne vide dans un point de contrôle",
  "extension line {}; only origin, size and root are expected":
    "ligne d’extension {} ; seules origine, taille et racine sont attendues",
  "an origin has 1 to 255 bytes on one line; {} came": "une origine a 1 à 255 octets sur une ligne ; {} est venu",
  "a size is expected: {}": "une taille est attendue : {}",
  "a root is expected: {}": "une racine est attendue : {}",
  "a root has 32 bytes, {} came": "une racine a 32 octets, {} sont venus",
  "a control character other than tab and newline": "un caractère de contrôle autre que tabulation et fin de ligne",
  "the last line does not end in a newline; is the file cut short?":
    "la dernière ligne n’est pas close par une fin de ligne ; le fichier est-il tronqué ?",
  "the name 'none' is reserved for 'quorum none'": "le nom « none » est réservé à « quorum none »",
  "the name {} is already defined": "le nom {} est déjà défini",
  "key {} is of kind {}": "la clé {} est du genre {}",
  "the public key of {} stands twice": "la clé publique de {} figure deux fois",
  "a second quorum line; exactly one is expected": "une seconde ligne quorum ; une seule est attendue",
  "{} is not defined on a line before this one": "{} n’est pas défini sur une ligne antérieure",
  "a line of a policy cannot be read: {}": "une ligne de politique est illisible : {}",
  "no quorum line; 'quorum none' says that no cosignature is needed":
    "pas de ligne quorum ; « quorum none » dit qu’aucune cosignature n’est requise",
  "a group of {} takes a threshold of 1 to {}, not {}": "un groupe de {} admet un seuil de 1 à {}, non {}",
  "{} is already a member of a group": "{} est déjà membre d’un groupe",
  "the policy names no log, so nobody's signature can be expected":
    "la politique ne nomme aucun registre, donc aucune signature ne peut être attendue",
  "origin {}; the policy's log is {}": "origine {} ; le registre de la politique est {}",
  "a signature by {}, which the policy does not name; expected are {}":
    "une signature de {}, que la politique ne nomme pas ; sont attendues {}",
  "a second signature by {}; one is expected": "une seconde signature de {} ; une seule est attendue",
  "the signature by {} is not valid: {}": "la signature de {} n’est pas valide : {}",
  "the cosignature by {} states no time": "la cosignature de {} n’indique pas d’heure",
  "no signature by {}": "pas de signature de {}",
  "no log of the policy signed this checkpoint of {}; its logs are {}":
    "aucun registre de la politique n’a signé ce point de contrôle de {} ; ses registres sont {}",
  "entry {} cannot be in a tree of {}": "l’inscription {} ne peut être dans un arbre de {}",
  "the proof has more than the hashes needed for entry {} of {}":
    "la preuve a plus d’empreintes que n’en demande l’inscription {} de {}",
  "the proof has {} hashes, too few for entry {} of {}":
    "la preuve a {} empreintes, trop peu pour l’inscription {} de {}",
  "the proof leads from entry {} to another root than that of size {}":
    "la preuve mène de l’inscription {} à une autre racine que celle de la taille {}",
  "no empty line between the proof and the checkpoint": "pas de ligne vide entre la preuve et le point de contrôle",
  "'c2sp.org/tlog-proof@v1' is expected": "« c2sp.org/tlog-proof@v1 » est attendu",
  "'index <decimal>' is expected": "« index <décimal> » est attendu",
  "a proof has at most {} hashes, {} came": "une preuve a au plus {} empreintes, {} sont venues",
  "a hash has 32 bytes": "une empreinte a 32 octets",
  "a tile of width {} has {} bytes, {} came": "une tuile de largeur {} a {} octets, {} sont venus",
  "entry {} of the bundle is cut short at byte {}": "l’inscription {} du paquet est coupée à l’octet {}",
  "{} entries are expected; {} came, with {} bytes after them":
    "{} inscriptions sont attendues ; {} sont venues, suivies de {} octets",
  "a tree of {} has no tile {} at level {}": "un arbre de {} n’a pas de tuile {} au niveau {}",
  "{} is missing from the tiles of size {}": "{} manque aux tuiles de la taille {}",
  "a tree of {} has no complete subtree {} at level {}": "un arbre de {} n’a pas de sous-arbre complet {} au niveau {}",
  "expected a time such as 2026-11-23T21:00:00.123Z, got {}":
    "attendue une heure telle que 2026-11-23T21:00:00.123Z, reçu {}",
  "{}: expected a text of at most {} characters": "{} : attendu un texte d’au plus {} caractères",
  "{}: expected an integer from 0, got {}": "{} : attendu un entier à partir de 0, reçu {}",
  "{}: expected true or false, got {}": "{} : attendu true ou false, reçu {}",
  "64 lower-case hex digits": "64 chiffres hexadécimaux en minuscules",
  "32 lower-case hex digits": "32 chiffres hexadécimaux en minuscules",
  "{}: expected {}, got {}": "{} : attendu {}, reçu {}",
  "{}: expected a time such as 2026-11-23T21:00:00.123Z, got {}":
    "{} : attendue une heure telle que 2026-11-23T21:00:00.123Z, reçu {}",
  "{}: expected input_tokens, output_tokens and cost_nano": "{} : attendus input_tokens, output_tokens et cost_nano",
  "{}: expected a list, got {}": "{} : attendue une liste, reçu {}",
  "expected the members 'kind' (a string) and 'v' (an integer)":
    "attendus les membres « kind » (un texte) et « v » (un entier)",
  "kind {} version {} is not known to this release": "le genre {} version {} n’est pas connu de cette version",
  "{}: the member {} is not part of version {}": "{} : le membre {} ne fait pas partie de la version {}",
  "{}: the member {} is missing": "{} : le membre {} manque",
  "the file is no offer (comity offer/1): {}": "le fichier n’est pas une offre (comity offer/1) : {}",
  "the file is no offer: expected the members format (comity offer/1), terms and note":
    "le fichier n’est pas une offre : attendus les membres format (comity offer/1), terms et note",
  "the terms in the file cannot be read: {}": "les conditions du fichier sont illisibles : {}",
  "the member {} is missing": "le membre {} manque",
  "terms of the format {}": "conditions du format {}",
  "a guard by {}; expected none or provider": "un poste de garde par {} ; attendu none ou provider",
  "{} is no day of the week": "{} n’est pas un jour de la semaine",
  "{} is no time of day": "{} n’est pas une heure du jour",
  "{} is no time with its zone": "{} n’est pas une heure avec son fuseau",
  "{} is no percentage": "{} n’est pas un pourcentage",
  "expected authority or provider in {}": "attendu authority ou provider dans {}",
  "{} is no decimal": "{} n’est pas un décimal",
  "{} is finer than a millionth": "{} est plus fin qu’un millionième",
  "the note is over {}, not over these terms": "la note porte sur {}, non sur ces conditions",
  "expected the members format, plan, rows and run": "attendus les membres format, plan, rows et run",
  "no score table (comity scores/1): {}": "pas une table de notes (comity scores/1) : {}",
  "row {} has other members than {} and score":
    "la ligne {} a d’autres membres que {} et score",
  "row {}: score {}, expected 0, 1 or null": "ligne {} : note {}, attendu 0, 1 ou null",
  "methods {}; this release recomputes {}": "méthodes {} ; cette version recalcule {}",
  "level {}, expected one between 0 and 1": "niveau {}, attendu entre 0 et 1",
  "no plan that this release can recompute: {}": "pas un plan que cette version sache recalculer : {}",
  "expected the format comity report/1 and as_of, the number of entries that it covers":
    "attendus le format comity report/1 et as_of, le nombre d’inscriptions qu’il couvre",
  "a character reference that is not read here: {}": "une référence de caractère qui n’est pas lue ici : {}",
  "a character reference that names no character": "une référence de caractère qui ne nomme aucun caractère",
  "a mark of HTML that is not read here, at character {}": "une marque HTML qui n’est pas lue ici, au caractère {}",
  "the claim {} has another element in it": "l’affirmation {} contient un autre élément",
  "a claim stands in <{}>; it stands in <data>": "une affirmation se trouve dans <{}> ; elle se place dans <data>",
  "an element <{}> without an end": "un élément <{}> sans fin",
  "an element <{}> has an attribute twice": "un élément <{}> a deux fois un attribut",
  "it is not UTF-8": "elle n’est pas en UTF-8",
  "format {}": "format {}",
  "no sealed item (comity sealed/1): {}": "pas un élément scellé (comity sealed/1) : {}",
  "expected the members format, ledger, index and items": "attendus les membres format, ledger, index et items",
  "each part stands once, 'request' or 'answer'": "chaque partie figure une fois, « request » ou « answer »",
  "ledger is a text, index an integer": "ledger est un texte, index un entier",
  "the file is no disclosure (comity disclosure/1): {}":
    "le fichier n’est pas une divulgation (comity disclosure/1) : {}",
  "an item has the members part, epoch, commitment, content_key and ciphertext":
    "un élément a les membres part, epoch, commitment, content_key et ciphertext",
  "a content key has 32 bytes": "une clé de contenu a 32 octets",
  "expected the members format, ledger, root, rows, run, seed and size":
    "attendus les membres format, ledger, root, rows, run, seed et size",
  "size is an integer, and at most {} rows are drawn": "size est un entier, et au plus {} lignes sont tirées",
  "the file opens no drawn rows (comity drawn/1): {}": "le fichier n’ouvre pas de lignes tirées (comity drawn/1) : {}",
  "a row has the members item, row (an integer) and salt": "une ligne a les membres item, row (un entier) et salt",
  "a row's salt has 32 bytes": "le sel d’une ligne a 32 octets",
  "expected the members {}": "attendus les membres {}",
  "it is of another run, plan, score table or rater": "il est d’un autre essai, plan, table de notes ou évaluateur",
  "each label has an item, and is 1, 0 or null": "chaque étiquette a un élément, et vaut 1, 0 ou null",
  "a bank of {} units with {} drawn from it, expected {} to {}":
    "une banque de {} unités dont {} tirées, attendu de {} à {}",
  "batches of {}, at least {} and at most {} of {}: no stopping rule":
    "lots de {}, au moins {} et au plus {} de {} : ce n’est pas une règle d’arrêt",
  "{} is no decimal from 0 to 1": "{} n’est pas un décimal de 0 à 1",
  "a label is 1, 0 or null": "une étiquette vaut 1, 0 ou null",
  "no labels (comity labels/1): {}": "pas des étiquettes (comity labels/1) : {}",
  "no frame of a sample (comity frame/1)":
    "pas une base de sondage (comity frame/1)",
  "{} units over {} strata, expected {} to {}":
    "{} unités sur {} strates, de {} à {} attendues",
  "a draw lies outside the bounds that it states":
    "un tirage se trouve hors des bornes qu’il indique",
  "a sample that is {}; this release draws stratified, active":
    "un échantillon {} ; cette version tire stratified, active",
  "a stratified sample is asked whole":
    "un échantillon stratifié est demandé en entier",
  "batches of {}, {} to {} items: no rules of a draw":
    "lots de {}, de {} à {} éléments : ce ne sont pas des règles de tirage",
  "the frame holds no predictor, so nothing can be drawn by it":
    "la base de sondage ne contient aucun prédicteur : rien ne peut être tiré par elle",
  "{} items of a bank of {}":
    "{} éléments d’une banque de {}",
  "{} is no interval of a sample that is {}":
    "{} n’est pas un intervalle d’un échantillon {}",
  "n is 0: nothing was judged, so there is no rate to estimate":
    "n vaut 0 : rien n’a été jugé, il n’y a donc aucun taux à estimer",
  "the sample cannot be drawn again: {}":
    "l’échantillon ne peut pas être tiré à nouveau : {}",
  "the sample is drawn from a frame, and frame.json is not there":
    "l’échantillon est tiré d’une base de sondage, et frame.json n’est pas là",
  "the sample's seed is told by no entry, so it cannot be drawn again":
    "aucune inscription ne révèle la graine de l’échantillon : il ne peut pas être tiré à nouveau",
  "the digest of frame.json is {}, which is not what the plan states":
    "l’empreinte de frame.json est {}, ce qui n’est pas celle qu’indique le plan",
  "the plan's sample is drawn from no frame":
    "l’échantillon du plan n’est tiré d’aucune base de sondage",
  "not recomputed, because its sample cannot be drawn again":
    "non recalculé, parce que son échantillon ne peut pas être tiré à nouveau",
  "no row of {}, which is drawn at place {}":
    "aucune ligne de {}, qui est tiré au rang {}",
  "a row of {}, which the seed does not draw":
    "une ligne de {}, que la graine ne tire pas",
  "the row of {} states place {} and chance {}":
    "la ligne de {} indique le rang {} et la probabilité {}",
  "{}; the seed gives place {} and chance {}":
    "{} ; la graine donne le rang {} et la probabilité {}",
  "call {} is of a batch that could not be drawn before call {} was answered":
    "l’appel {} est d’un lot qui ne pouvait pas être tiré avant la réponse à l’appel {}",
  "in batches of {}":
    "par lots de {}",
  "in {} strata":
    "en {} strates",
  "{} in its history, none of which leaks":
    "{} dans son historique, sans aucune fuite",
  "{} of {}, {}, drawn again from frame and seed; {}":
    "{} sur {}, {}, tirés à nouveau de la base de sondage et de la graine ; {}",
  "{} items; the plan's bank has {}":
    "{} éléments ; la banque du plan en a {}",
  "{} strata; the plan states {}":
    "{} strates ; le plan en indique {}",
  "its strata have weights; the plan states that the allocation is proportional":
    "ses strates ont des poids ; le plan indique une répartition proportionnelle",
  "it was made of {}; the plan states none":
    "elle est faite de {} ; le plan n’en indique aucun",
  "the digest of its history is {}, which is not what the plan states":
    "l’empreinte de son historique est {}, ce qui n’est pas celle qu’indique le plan",
  "its history holds the model itself, {}":
    "son historique contient le modèle lui-même, {}",
  "its history holds {} of {}, which is not before {}":
    "son historique contient {} de {}, ce qui n’est pas avant {}",
  "its history holds {} of {}, which the plan leaves out":
    "son historique contient {} de {}, que le plan exclut",
  "its history holds {} of the base {}, which the plan leaves out":
    "son historique contient {} de la base {}, que le plan exclut",
  "so many draws of so many items are not drawn again here":
    "autant de tirages d’autant d’éléments ne sont pas refaits ici",
  "the frame's predictor gives no prediction":
    "le prédicteur de la base de sondage ne donne aucune prédiction",
};
