/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/cli/command.h"
#include "core/supervise/running.h"

char *lun_command_find_apps(const struct lun_command_line *line)
{
    char *running =
        line->apps_given ? NULL : lun_running_text(&line->config, "apps");
    return running != NULL ? running : strdup(line->config.apps);
}

void lun_command_find_policy(struct lun_command_line *line)
{
    char *policy = line->apps_given || line->config.policy[0] != '\0'
                       ? NULL
                       : lun_running_text(&line->config, "policy");
    if (policy != NULL) {
        free(line->config.policy);
        line->config.policy = policy;
    }
}
