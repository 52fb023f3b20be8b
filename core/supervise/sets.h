/*
 * core/supervise/sets.h - the files of release sets in the data folder.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

/* Makes current.json lead to the set with this id; what the apps folder held
 * when it was compiled (folder.next) is what it last brought. */
void lun_sets_point(const char *data, const char *id);
/* Forgets the record that a load has left which came to nothing. */
void lun_sets_forget_record(const char *data);
/* Removes sets that nobody can go back to; `current` and `warm` (paths) stay.
 */
void lun_sets_prune(const char *data, const char *current, const char *warm);
