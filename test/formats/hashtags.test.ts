import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { csv } from '../../lib/formats/csv.ts'
import { hashtagsOf } from '../../lib/formats/hashtags.ts'

describe('hashtagsOf', () => {
  it.each([
    ['no tag here # at all', []],
    ['#One two #two_2!', ['one', 'two_2']],
    ['#KÖLN and #köln', ['köln', 'köln']],
    ['＃ｆｕｌｌ width', ['full']],
    ['#東京タワー。#日本', ['東京タワー', '日本']],
    ['#नमस्ते दुनिया', ['नमस्ते']],
    ['#cafe\u0301', ['café']],
    ['#Straße #STRASSE', ['strasse', 'strasse']],
    ['#Οδος #ΟΔΟΣ', ['οδοσ', 'οδοσ']],
    ['#a#b##c', ['a', 'b', 'c']],
    ['#100 #1st', ['100', '1st']],
    ['end#tag 😃#McGregor', ['tag', 'mcgregor']],
    ['#dash-ed #dot.ted', ['dash', 'dot']],
  ])('of %j', (text, tags) => {
    expect(hashtagsOf(text)).toEqual(tags)
  })

  const posts = new URL('../../../shared/data/posts/mayweather_mcgregor_tweets.csv', import.meta.url)
  it('finds every use in real posts', async ({ skip }) => {
    const file = await readFile(posts).catch(() => skip('real posts are not at ../shared/data'))
    // Cut at line ends that a record's number follows: text may hold line ends.
    const lines = file.toString().split(/\r?\n(?="\d{4}-)/)
    const header = ['created_at', 'emojis', 'id', 'link', 'retweeted', 'screen_name', 'text']
    const parse = csv({ header }).compile([])
    const texts = lines.slice(1).map((line) => (parse(Buffer.from(line)) as { text?: string }).text ?? '')
    const tags = texts.flatMap(hashtagsOf)
    expect([texts.length, tags.length, new Set(tags).size]).toEqual([12_118, 14_495, 962])
  })
})
