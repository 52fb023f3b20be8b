/*
 * core/cli/main.c - the program.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/cli/command.h"

int main(int argc, char **argv)
{
    return lun_command_main(argc, argv);
}
