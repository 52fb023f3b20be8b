--- English plurals as the reference implementation forms them.
--
-- Root fields of the API are plurals of model names, so a plural that differs
-- is an incompatibility: the rules are those that evo-inflector 1.2 applies
-- (Conway's algorithm, anglicised), with its gaps: Person gives Persons, Ox
-- gives Oxes, German gives Germen. spec/data/plurals.txt was made with it.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.util.plural

-- Each rule: words (by their ending, in any case), how many letters to cut and
-- what to add. A letter that is cut and added again becomes lower-case.
local ENDINGS = {}

local function ending(words, cut, add)
    for word in words:gmatch("%S+") do
        ENDINGS[#ENDINGS + 1] = { word = word, cut = cut, add = add }
    end
end

-- The ending itself is replaced but for its first letter, whose case is kept.
local function irregular(word, plural)
    ENDINGS[#ENDINGS + 1] =
        { word = word, cut = #word - 1, add = plural:sub(2) }
end

ending([[fish ois sheep deer pox itis bison flounder pliers bream gallows
    proceedings breeches graffiti rabies britches headquarters salmon carp
    herpes scissors chassis high-jinks sea-bass clippers homework series cod
    innings shears contretemps jackanapes species corps mackerel swine debris
    measles trout diabetes mews tuna djinn mumps whiting eland news wildebeest
    elk pincers sugar mongoose]], 0, "")

-- In the reference `mongoose` follows `ephemeris`; nothing ends in both.
irregular("child", "children")
irregular("ephemeris", "ephemerides")
irregular("mythos", "mythoi")
irregular("soliloquy", "soliloquies")
irregular("trilby", "trilbys")
irregular("genus", "genera")
irregular("quiz", "quizzes")
irregular("beef", "beefs")
irregular("brother", "brothers")
irregular("cow", "cows")
irregular("genie", "genies")
irregular("money", "moneys")
irregular("octopus", "octopuses")
irregular("opus", "opuses")

ending("human", 0, "s")
ending("man", 3, "men")
ending("mouse louse", 4, "ice")
ending("tooth", 5, "teeth")
ending("goose", 5, "geese")
ending("foot", 4, "feet")
ending("zoon", 4, "zoa")
ending("cis sis xis", 2, "es")

ending("codex murex silex", 2, "ices")
ending("radix helix", 2, "ices")
ending([[bacterium agendum desideratum erratum stratum datum ovum extremum
    candelabrum]], 2, "a")
ending([[criterion perihelion aphelion phenomenon prolegomenon noumenon organon
    asyndeton hyperbaton]], 2, "a")
ending("alumna alga vertebra persona", 1, "ae")
ending([[alumnus alveolus bacillus bronchus locus nucleus stimulus meniscus
    thesaurus]], 2, "i")

ending("ch sh z x", 0, "es")
ending([[acropolis chaos lens aegis cosmos mantis alias dais marquis asbestos
    digitalis metropolis atlas epidermis pathos bathos ethos pelvis bias gas
    polis caddis glottis rhinoceros cannabis sassafras canvas ibis trellis
    iris clitoris us]], 0, "es")
ending([[anathema enema oedema bema enigma sarcoma carcinoma gumma schema
    charisma lemma soma diploma lymphoma stigma dogma magma stoma drama melisma
    trauma edema miasma]], 0, "s")
ending("ss", 2, "sses")
ending("alf elf olf", 1, "ves")

-- `deaf` and the like are no -eaf words of this rule.
local function is_leaf(lower)
    return lower:match("[^d]eaf$") ~= nil
end
ENDINGS[#ENDINGS + 1] = { test = is_leaf, cut = 1, add = "ves" }

ending("arf", 1, "ves")
ending("nife life wife", 2, "ves")
ending("ay ey iy oy uy", 1, "ys")
ending("y", 1, "ies")
ending([[solo soprano basso alto contralto tempo piano virtuoso albino
    archipelago armadillo commando crescendo fiasco ditto dynamo embryo ghetto
    guano inferno jumbo lumbago magneto manifesto medico octavo photo pro quarto
    canto lingo generalissimo stylo rhino casino auto macro zero ao eo io oo
    uo]], 1, "os")
ending("o", 1, "oes")

-- The one rule of the reference that is not bound to the end of the word.
local function ulum(word, lower)
    local at = lower:find("ulum", 1, true)
    return word:sub(1, at - 1) .. "ula" .. word:sub(at + 4)
end

local function applies(rule, lower)
    if rule.test then return rule.test(lower) end
    return lower:sub(-#rule.word) == rule.word
end

local function inflected(word)
    local lower = word:lower()
    for _, rule in ipairs(ENDINGS) do
        if applies(rule, lower) then
            return word:sub(1, #word - rule.cut) .. rule.add
        end
    end
    if lower:find("ulum", 1, true) then return ulum(word, lower) end
    if lower:sub(-1) == "s" then return word:sub(1, -2) .. "ses" end
    return word .. "s"
end

--- Plural of a word, its case kept. A word that does not inflect gets an
-- ending all the same, so that a model and its list never share a name.
local function plural(word)
    local form = inflected(word)
    if form ~= word then return form end
    return word .. (word:sub(-1) == "s" and "es" or "s")
end

return plural
