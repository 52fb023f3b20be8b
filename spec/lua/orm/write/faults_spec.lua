-- What a client reads when a rule of the database is broken.
-- SPDX-License-Identifier: Apache-2.0
local faults = require("lunette.orm.write.faults")

local TASK = {
    name = "Task", table = "task",
    fields = {
        { name = "start", graphql = "start", column = "start" },
        { name = "due_date", graphql = "dueDate", column = "due_date",
            title = "Due date" },
    },
    checks = {
        { sql = "due_date >= start", message = "{due_date} is before {start}" },
        { name = "task_paid", sql = "paid", message = "pay {50%} first" },
        { name = "task_mute", sql = "true" },
    },
}
local JOB = { graph = { model_of = function() return TASK end } }

local function message(constraint)
    return faults.reason(JOB, { code = "23514", schema = "shop",
        table = "task", constraint = constraint }).message
end

describe("the message of a broken rule", function()
    it("names fields by their titles, or their names", function()
        assert.equal("Due date is before start", message("task_check_1"))
    end)

    it("keeps braces that name no field", function()
        assert.equal("pay {50%} first", message("task_paid"))
    end)

    it("is a general one for a rule without a text", function()
        assert.equal("a rule of Task is broken", message("task_mute"))
    end)
end)
