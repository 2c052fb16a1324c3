"""Watching a model in use: what its forecasts look like, and what they have been worth, since it began to speak.

    series     what happened slice by slice, kept in bounded room; means with errors; when to judge, and how strictly
    drift      forecasts against the reference that was kept of the validation range
    skill      correlations with what came, beside what was promised
    fit        probabilities against how often it happened
    stale      a model that is old, stuck or silent
    reference  what a passport, or a session's own warm-up, promises
    watch      a fold of a session's rows into all of these

Nothing here decides anything. All of it follows from the tape, so that the same tape gives the same alarms.
"""
