import { useEffect, useState } from 'react'
import { Button, Text, View } from 'react-native'
import { callSignet, getAccessToken, signIn, signOut } from './signet'

export default function App () {
  const [isSignedIn, setSignedIn] = useState<boolean>()
  const [words, setWords] = useState('')

  /** Runs an action, shows what it fails with, and then whether somebody is signed in. */
  async function attempt (action?: () => Promise<unknown>) {
    setWords('')
    try {
      await action?.()
      setSignedIn(await getAccessToken() !== undefined)
    } catch (error) {
      setWords(error instanceof Error ? error.message : String(error))
    }
  }

  useEffect(() => { attempt() }, [])

  const showMe = () => attempt(async () => setWords(JSON.stringify(await callSignet('/me'), null, 2)))
  return (
    <View style={{ padding: 48 }}>
      {isSignedIn === false && <Button title='Sign in' onPress={() => attempt(signIn)} />}
      {isSignedIn && <Button title='Call /me' onPress={showMe} />}
      {isSignedIn && <Button title='Sign out' onPress={() => attempt(signOut)} />}
      <Text selectable>{words}</Text>
    </View>
  )
}
