-- Templates of mails among the files of an app.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")

local function files(mail)
    local content = { ["app.lua"] = 'app "crm" { version = "1.0.0" }' }
    for name, text in pairs(mail) do content["mail/" .. name] = text end
    return { crm = content }
end

describe("a template of mails", function()
    it("is a part of the release", function()
        local set = apps.set(files({ ["hi.txt"] = "Hi {n}", ["hi.html"] = "<b>" }))
        assert.same({ ["hi.txt"] = "Hi {n}", ["hi.html"] = "<b>" },
            set.apps[1].mail)
        local other = apps.set(files({ ["hi.txt"] = "Ho {n}",
            ["hi.html"] = "<b>" }))
        assert.are_not.equal(set.apps[1].hash, other.apps[1].hash)
        assert.are_not.equal(set.id, other.id)
        assert.is_nil(apps.set(files({})).apps[1].mail)
    end)

    it("is checked when the app is loaded", function()
        assert.same({ "apps/crm/mail/hi.txt:2: {#lines} has no {/lines}" },
            apps.errors(files({ ["hi.txt"] = "a\n{#lines} x" })))
    end)
end)
