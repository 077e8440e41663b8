"""Identity: is the model that answers now the one that answered at the start?

    enrolling   a baseline of answers is taken, and inputs are found whose first word is nearly a draw
    canaries    a few of the same prompts are asked between the calls of a run
    testing     fresh answers are compared with all that came before, by a test that may be looked at any time
    enrolment   what is kept, its JSON and its commitment
    checking    whoever is shown the answers computes every number again

Two words come out of it.  "changed" says that these answers do not come from where the enrolled ones came from.
"not distinguishable within margin m at power p" says that no such thing was found, how large a difference is
tolerated, and how often a test of this size finds one that matters.  It never says that two models are the same.

Not promised: that the model enrolled was the one agreed.  A closed model is compared with its own first answers alone.
Nor that a provider which recognises the prompts answers the others with the same model.
"""
