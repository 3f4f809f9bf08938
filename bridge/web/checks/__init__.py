"""Is everything there that a call needs? One list of checks, for `callbridge doctor` and the page `/setup`.

Each check looks at one thing, changes nothing, and takes 5 s at the most; all run at once. What it finds is a value: a
level, what was found, why that matters, and the exact command or setting that mends it. Some can mend it themselves;
that is done only when somebody says so.

    check.py      what a check is, and how several are run
    scene.py      what checks look at: settings, the carrier, who we are; what several need is asked for once
    machine.py    Python, the data folder, ports, certificates, the admin listener
    database.py   the database
    model.py      the speech-to-speech model
    account.py    the carrier's account, its number and that number's webhooks, its clock
    entrance.py   the public URL: is it us, do upgrades go through, do signatures fit
    question.py   what they ask the public listener
    keeper.py     what was found last, for pages of the process that serves
    registry.py   all of them, in the order in which they are shown
"""
