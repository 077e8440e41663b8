"""Portal: what does each role see?

Pages that a server renders, for the people of one house: case handlers, evaluators, access teams, experts, and the
public.  Everything that a page shows of a case is a projection of entries, written by the projector alone and read
through a connection that cannot write.  Every act is a command that appends an entry, on the condition that the case
is still as the person saw it.

| part | is |
|---|---|
| `house` | the instance whose pages these are: its ledgers, clock and keys, handed in at the edge |
| `settings` | Django's settings as functions of a house: base, deploy, test |
| `accounts` | who signs in, with which role; the local tables |
| `projections` | the tables of cases, their projector, and the rebuild |
| `permissions` | who may see and do what, each answer with its reason |
| `rooms` | the pages |
| `pool` | the threads that make them |

Nothing here signs checkpoints, and nothing here is evidence: a page links to the entries that it rests on.
"""
